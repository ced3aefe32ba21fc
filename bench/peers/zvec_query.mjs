// zvec_query.mjs DIRECTORY QUERIES DIM TOPK: one pass of exact queries over a collection made by
// zvec_insert.mjs. Prints the seconds of a query and the ids found: "1:12,7;2:5,9".
import { readFileSync } from "node:fs";
import { figure, seconds, zvec } from "./zvec.mjs";

const [directory, file, dimText, topkText] = process.argv.slice(2);
const dim = Number(dimText);
const bytes = readFileSync(file);
const count = bytes.length / (4 * dim);
const queries = Array.from({ length: count }, (_, i) => new Float32Array(bytes.buffer, bytes.byteOffset + i * 4 * dim, dim));
const collection = zvec.ZVecOpen(directory, { readOnly: true });

function pass() {
  const options = { fieldName: "embedding", topk: Number(topkText), outputFields: [] };
  return queries.map((vector) => collection.querySync({ ...options, vector }));
}

pass(); // brings the pages in
const begin = seconds();
const results = pass();
figure("query", (seconds() - begin) / count);
figure("ids", results.map((hits, i) => `${i + 1}:${hits.map((hit) => hit.id).join(",")}`).join(";"));
collection.closeSync();
