// Zvec in the sparse bench: its graph over sparse vectors, with its own defaults.
//
//   zvec_sparse.mjs build DOCUMENTS DIRECTORY
//   zvec_sparse.mjs search DIRECTORY QUERIES K SECONDS EF,EF,... FOUND
//
// The files have of each vector its number of entries n, n indexes and n weights, all of 4 bytes.
import { readFileSync, rmSync } from "node:fs";
import { sweep } from "./sweep.mjs";
import { figure, seconds as now, zvec } from "./zvec.mjs";

const BATCH = 1000;
const { ZVecDataType, ZVecIndexType, ZVecMetricType } = zvec;

function readSparse(path) {
  const bytes = readFileSync(path);
  const rows = [];
  for (let at = 0; at < bytes.length;) {
    const count = bytes.readUInt32LE(at);
    const row = {};
    for (let i = 0; i < count; i++)
      row[bytes.readUInt32LE(at + 4 + 4 * i)] = bytes.readFloatLE(at + 4 + 4 * (count + i));
    rows.push(row);
    at += 4 + 8 * count;
  }
  return { count: rows.length, row: (i) => rows[i] };
}

function create(directory) {
  rmSync(directory, { recursive: true, force: true });
  return zvec.ZVecCreateAndOpen(directory, new zvec.ZVecCollectionSchema({
    name: "bench",
    vectors: {
      name: "terms", dataType: ZVecDataType.SPARSE_VECTOR_FP32,
      indexParams: { indexType: ZVecIndexType.HNSW, metricType: ZVecMetricType.IP },
    },
  }));
}

function insert(collection, rows) {
  for (let first = 0; first < rows.count; first += BATCH) {
    const docs = Array.from({ length: Math.min(BATCH, rows.count - first) }, (_, i) => (
      { id: String(first + i), vectors: { terms: rows.row(first + i) } }));
    const failed = collection.insertSync(docs).find((status) => !status.ok);
    if (failed) throw new Error(failed.message);
  }
}

function searcher(collection, k, ef) {
  const options = {
    fieldName: "terms", topk: k, outputFields: [], params: { indexType: ZVecIndexType.HNSW, ef },
  };
  return (vector) => collection.querySync({ ...options, vector }).map((hit) => hit.id);
}

function build([file, directory]) {
  const collection = create(directory);
  let begin = now();
  insert(collection, readSparse(file));
  figure("insert", now() - begin);
  begin = now();
  collection.optimizeSync({ concurrency: 2 });
  figure("build", now() - begin);
  collection.closeSync();
}

function search([directory, file, kText, seconds, efs, out]) {
  const queries = readSparse(file);
  const k = Number(kText);
  const collection = zvec.ZVecOpen(directory, { readOnly: true });
  const small = create(directory + ".small");
  insert(small, { count: 10, row: queries.row });
  sweep({
    queries, k, seconds: Number(seconds), labels: efs.split(","), out,
    open: (ef) => searcher(collection, k, Number(ef)),
    openSmall: (ef) => searcher(small, k, Number(ef)),
  });
  small.closeSync();
  rmSync(directory + ".small", { recursive: true, force: true });
  collection.closeSync();
}

const [command, ...rest] = process.argv.slice(2);
if (command === "build") build(rest);
else search(rest);
