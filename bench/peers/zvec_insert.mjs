// zvec_insert.mjs FILE ROWS DIM DIRECTORY [optimize]: insert the rows of a float32 file in batches of
// 1,000 into a new Zvec collection, as bench/insert.lua does with moonvec. Zvec does not sync on writes.
import { openSync, readSync, rmSync } from "node:fs";
import { figure, seconds, zvec } from "./zvec.mjs";

const [file, rowsText, dimText, directory, optimize] = process.argv.slice(2);
const rows = Number(rowsText);
const dim = Number(dimText);
const BATCH = 1000;

const { ZVecDataType: T, ZVecIndexType, ZVecMetricType } = zvec;
const schema = new zvec.ZVecCollectionSchema({
  name: "bench",
  fields: [
    { name: "title", dataType: T.STRING },
    { name: "year", dataType: T.INT64 },
    { name: "price", dataType: T.DOUBLE },
  ],
  vectors: {
    name: "embedding",
    dataType: T.VECTOR_FP32,
    dimension: dim,
    indexParams: { indexType: ZVecIndexType.FLAT, metricType: ZVecMetricType.COSINE },
  },
});

// The vectors are views of one buffer: as cheap as a packed string in Lua.
function assemble(first, bytes) {
  const docs = new Array(bytes.length / (4 * dim));
  for (let i = 0; i < docs.length; i++) {
    const row = first + i;
    docs[i] = {
      id: String(row),
      fields: { title: "document number " + row, year: 1900 + (row % 120), price: row * 0.25 },
      vectors: { embedding: new Float32Array(bytes.buffer, bytes.byteOffset + i * 4 * dim, dim) },
    };
  }
  return docs;
}

rmSync(directory, { recursive: true, force: true });
const collection = zvec.ZVecCreateAndOpen(directory, schema);
const fd = openSync(file, "r");
const buffer = Buffer.from(new ArrayBuffer(BATCH * dim * 4));
let assembling = 0;
let inserting = 0;
const cpuBefore = process.cpuUsage();
for (let first = 0; first < rows; first += BATCH) {
  const size = readSync(fd, buffer, 0, Math.min(BATCH, rows - first) * dim * 4, null);
  const begin = seconds();
  const docs = assemble(first, buffer.subarray(0, size));
  const assembled = seconds();
  const statuses = collection.insertSync(docs);
  inserting += seconds() - assembled;
  assembling += assembled - begin;
  const failed = statuses.find((status) => !status.ok);
  if (failed) throw new Error(failed.message);
}
const cpu = process.cpuUsage(cpuBefore);
figure("insert", inserting);
figure("assemble", assembling);
figure("cpu", (cpu.user + cpu.system) / 1e6);
figure("documents", collection.stats.docCount);

const begin = seconds();
if (optimize) collection.optimizeSync();
collection.closeSync();
figure("close", seconds() - begin);
