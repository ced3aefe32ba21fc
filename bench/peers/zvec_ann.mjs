// Zvec in the ann bench.
//
//   zvec_ann.mjs build BASE DIM l2|cosine|ip KIND THREADS M EF_CONSTRUCTION DIRECTORY
//   zvec_ann.mjs search DIRECTORY QUERIES DIM l2|cosine|ip KIND K SECONDS EF,EF,... FOUND
//
// KIND is fp32, int8 or rabitq; for a search also int8-refined, on what int8 built. Its graph is built by optimize.
import { rmSync } from "node:fs";
import { readVectors, sweep } from "./sweep.mjs";
import { figure, seconds as now, zvec } from "./zvec.mjs";

const BATCH = 1000;
const { ZVecDataType, ZVecIndexType, ZVecMetricType, ZVecQuantizeType } = zvec;
const METRICS = { l2: ZVecMetricType.L2, cosine: ZVecMetricType.COSINE, ip: ZVecMetricType.IP };

function indexType(kind) {
  return kind === "rabitq" ? ZVecIndexType.HNSW_RABITQ : ZVecIndexType.HNSW;
}

function create(directory, dim, metric, kind, m, efConstruction) {
  rmSync(directory, { recursive: true, force: true });
  const indexParams = { indexType: indexType(kind), metricType: METRICS[metric], m, efConstruction };
  if (kind.startsWith("int8")) indexParams.quantizeType = ZVecQuantizeType.INT8;
  return zvec.ZVecCreateAndOpen(directory, new zvec.ZVecCollectionSchema({
    name: "bench",
    fields: [],
    vectors: { name: "embedding", dataType: ZVecDataType.VECTOR_FP32, dimension: dim, indexParams },
  }));
}

function insert(collection, base) {
  for (let first = 0; first < base.count; first += BATCH) {
    const docs = Array.from({ length: Math.min(BATCH, base.count - first) }, (_, i) => ({
      id: String(first + i), fields: {}, vectors: { embedding: base.row(first + i) },
    }));
    const failed = collection.insertSync(docs).find((status) => !status.ok);
    if (failed) throw new Error(failed.message);
  }
}

function build([file, dimText, metric, kind, threads, m, efConstruction, directory]) {
  const dim = Number(dimText);
  const collection = create(directory, dim, metric, kind, Number(m), Number(efConstruction));
  insert(collection, readVectors(file, dim));
  const begin = now();
  collection.optimizeSync({ concurrency: Number(threads) });
  figure("build", now() - begin);
  collection.closeSync();
}

function searcher(collection, kind, k, ef) {
  const params = { indexType: indexType(kind), ef, isUsingRefiner: kind === "int8-refined" };
  const options = { fieldName: "embedding", topk: k, outputFields: [], params };
  return (vector) => collection.querySync({ ...options, vector }).map((hit) => hit.id);
}

// Ten rows, opened as a large collection is. RaBitQ wants more rows to learn from, so there it is fp32.
function makeSmall(directory, dim, metric, kind, rows) {
  const small = create(directory, dim, metric, kind, 16, 200);
  insert(small, { count: 10, row: rows });
  small.optimizeSync();
  small.closeSync();
  return zvec.ZVecOpen(directory, { readOnly: true });
}

function search([directory, file, dimText, metric, kind, kText, seconds, efs, out]) {
  const dim = Number(dimText);
  const k = Number(kText);
  const queries = readVectors(file, dim);
  const collection = zvec.ZVecOpen(directory, { readOnly: true });
  const smallKind = kind === "rabitq" ? "fp32" : kind;
  const small = makeSmall(directory + ".small", dim, metric, smallKind, queries.row);
  sweep({
    queries, k, seconds: Number(seconds), efs: efs.split(",").map(Number), out,
    open: (ef) => searcher(collection, kind, k, ef),
    openSmall: (ef) => searcher(small, smallKind, k, ef),
  });
  small.closeSync();
  rmSync(directory + ".small", { recursive: true, force: true });
  collection.closeSync();
}

const [command, ...rest] = process.argv.slice(2);
if (command === "build") build(rest);
else search(rest);
