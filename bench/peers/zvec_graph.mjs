// What the Zvec scripts of the benches of approximate search share: collections of one vector field with a graph, and
// whole numbers with an inverted index where `columns` has them: { NAME: numbers, ... }.
import { rmSync } from "node:fs";
import { zvec } from "./zvec.mjs";

const BATCH = 1000;
const { ZVecDataType, ZVecIndexType, ZVecMetricType, ZVecQuantizeType } = zvec;
const METRICS = { l2: ZVecMetricType.L2, cosine: ZVecMetricType.COSINE, ip: ZVecMetricType.IP };

function indexType(kind) {
  return kind === "rabitq" ? ZVecIndexType.HNSW_RABITQ : ZVecIndexType.HNSW;
}

export function create(directory, dim, metric, kind, m, efConstruction, columns = {}) {
  rmSync(directory, { recursive: true, force: true });
  const indexParams = { indexType: indexType(kind), metricType: METRICS[metric], m, efConstruction };
  if (kind.startsWith("int8")) indexParams.quantizeType = ZVecQuantizeType.INT8;
  return zvec.ZVecCreateAndOpen(directory, new zvec.ZVecCollectionSchema({
    name: "bench",
    fields: Object.keys(columns).map((name) => ({
      name, dataType: ZVecDataType.INT64, indexParams: { indexType: ZVecIndexType.INVERT, enableRangeOptimization: true },
    })),
    vectors: { name: "embedding", dataType: ZVecDataType.VECTOR_FP32, dimension: dim, indexParams },
  }));
}

export function insert(collection, base, columns = {}) {
  for (let first = 0; first < base.count; first += BATCH) {
    const docs = Array.from({ length: Math.min(BATCH, base.count - first) }, (_, i) => {
      const fields = {};
      for (const name in columns) fields[name] = columns[name][first + i];
      return { id: String(first + i), fields, vectors: { embedding: base.row(first + i) } };
    });
    const failed = collection.insertSync(docs).find((status) => !status.ok);
    if (failed) throw new Error(failed.message);
  }
}

// Ten rows, opened as a large collection is. RaBitQ wants more rows to learn from, so there it is fp32.
export function makeSmall(directory, dim, metric, kind, rows) {
  const small = create(directory, dim, metric, kind, 16, 200);
  insert(small, { count: 10, row: rows });
  small.optimizeSync();
  small.closeSync();
  return zvec.ZVecOpen(directory, { readOnly: true });
}

// `filter` may be undefined: none.
export function searcher(collection, kind, k, ef, filter) {
  const params = { indexType: indexType(kind), ef, isUsingRefiner: kind === "int8-refined" };
  const options = { fieldName: "embedding", topk: k, outputFields: [], params };
  if (filter) options.filter = filter;
  return (vector) => collection.querySync({ ...options, vector }).map((hit) => hit.id);
}
