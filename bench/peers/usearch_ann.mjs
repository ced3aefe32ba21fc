// USearch in the ann bench.
//
//   usearch_ann.mjs build BASE DIM l2|cosine|ip KIND THREADS M EF_CONSTRUCTION INDEX
//   usearch_ann.mjs search INDEX QUERIES DIM l2|cosine|ip KIND K SECONDS EF,EF,... FOUND
//
// KIND is f32, f16 or i8, which its package makes of the float32 it is given. It reads an index with the ef that the
// object was made with, so a search loads it for each.
import { createRequire } from "node:module";
import { readVectors, sweep } from "./sweep.mjs";

const require = createRequire(process.cwd() + "/build/bench/");
const { Index } = require("usearch");

const METRICS = { l2: "l2sq", cosine: "cos", ip: "ip" };

function make(dim, metric, quantization, options = {}) {
  return new Index({ dimensions: dim, metric: METRICS[metric], quantization, ...options });
}

function keys(count) {
  return BigUint64Array.from({ length: count }, (_, i) => BigInt(i));
}

function build([file, dimText, metric, kind, threads, m, efConstruction, path]) {
  const base = readVectors(file, Number(dimText));
  const index = make(Number(dimText), metric, kind, { connectivity: Number(m), expansion_add: Number(efConstruction) });
  const rows = keys(base.count);
  const begin = performance.now();
  index.add(rows, base.values, Number(threads));
  console.log(`figure build ${(performance.now() - begin) / 1000}`);
  index.save(path);
}

function search([path, file, dimText, metric, kind, kText, seconds, efs, out]) {
  const dim = Number(dimText);
  const k = Number(kText);
  const queries = readVectors(file, dim);
  sweep({
    queries, k, seconds: Number(seconds), labels: efs.split(","), out,
    open: (ef) => {
      const index = make(dim, metric, kind, { expansion_search: Number(ef) });
      index.load(path);
      return (vector) => index.search(vector, k, 1).keys;
    },
    openSmall: (ef) => {
      const index = make(dim, metric, kind, { expansion_search: Number(ef) });
      index.add(keys(10), queries.values.subarray(0, 10 * dim), 1);
      return (vector) => index.search(vector, k, 1).keys;
    },
  });
}

const [command, ...rest] = process.argv.slice(2);
if (command === "build") build(rest);
else search(rest);
