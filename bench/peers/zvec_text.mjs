// Zvec in the text bench: its full-text index with its own defaults, the standard tokenizer and lower case.
//
//   zvec_text.mjs build DOCUMENTS DIRECTORY
//   zvec_text.mjs search DIRECTORY
//
// The files and the lines of standard input are those of xapian_text.cpp. Behind "done" stand the microseconds of a call:
// the mean of the same queries, without a filter, on a collection of ten short documents.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { figure, seconds as now, zvec } from "./zvec.mjs";

const BATCH = 1000;
const K = 10;
const { ZVecDataType, ZVecIndexType } = zvec;

function readLines(path) {
  return readFileSync(path, "utf8").trimEnd().split("\n");
}

function create(directory) {
  rmSync(directory, { recursive: true, force: true });
  return zvec.ZVecCreateAndOpen(directory, new zvec.ZVecCollectionSchema({
    name: "bench",
    fields: [
      { name: "n", dataType: ZVecDataType.INT32, indexParams: { indexType: ZVecIndexType.INVERT } },
      { name: "body", dataType: ZVecDataType.STRING, indexParams: { indexType: ZVecIndexType.FTS } },
    ],
  }));
}

function insert(collection, lines) {
  for (let first = 0; first < lines.length; first += BATCH) {
    const docs = lines.slice(first, first + BATCH).map((line, i) => {
      const space = line.indexOf(" ");
      return { id: String(first + i + 1), fields: { n: Number(line.slice(0, space)), body: line.slice(space + 1) } };
    });
    const failed = collection.insertSync(docs).find((status) => !status.ok);
    if (failed) throw new Error(failed.message);
  }
}

function build([documents, directory]) {
  const lines = readLines(documents);
  const collection = create(directory);
  let begin = now();
  insert(collection, lines);
  figure("insert", now() - begin);
  begin = now();
  collection.optimizeSync({ concurrency: 1 });
  figure("index", now() - begin);
  collection.closeSync();
}

// { microseconds, ids } of each query. `more`: further options.
function pass(collection, queries, more) {
  const options = { fieldName: "body", topk: K, outputFields: [], ...more };
  return queries.map((matchString) => {
    const begin = performance.now();
    const hits = collection.querySync({ ...options, fts: { matchString } });
    return { time: 1000 * (performance.now() - begin), ids: hits.map((hit) => hit.id) };
  });
}

async function search([directory]) {
  const collection = zvec.ZVecOpen(directory, { readOnly: true });
  const small = create(directory + ".small");
  insert(small, Array.from({ length: 10 }, (_, i) => `${i} document`));
  small.optimizeSync({ concurrency: 1 });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "end") break;
    const [queriesPath, found, filtered] = line.split(" ");
    const queries = readLines(queriesPath);
    const floor = pass(small, queries).reduce((sum, { time }) => sum + time, 0) / queries.length;
    const results = pass(collection, queries, filtered === "1" ? { filter: "n < 1" } : {});
    writeFileSync(found, results.map(({ time, ids }) => [time, ...ids].join(" ") + "\n").join(""));
    console.log(`done ${floor}`);
  }
  small.closeSync();
  rmSync(directory + ".small", { recursive: true, force: true });
  collection.closeSync();
  process.exit(0); // a pending read of standard input would keep node here
}

const [command, ...rest] = process.argv.slice(2);
if (command === "build") build(rest);
else await search(rest);
