// Zvec in the ann bench.
//
//   zvec_ann.mjs build BASE DIM l2|cosine|ip KIND THREADS M EF_CONSTRUCTION DIRECTORY
//   zvec_ann.mjs search DIRECTORY QUERIES DIM l2|cosine|ip KIND K SECONDS EF,EF,... FOUND
//
// KIND is fp32, int8 or rabitq; for a search also int8-refined, on what int8 built. Its graph is built by optimize.
import { rmSync } from "node:fs";
import { readVectors, sweep } from "./sweep.mjs";
import { figure, seconds as now, zvec } from "./zvec.mjs";
import { create, insert, makeSmall, searcher } from "./zvec_graph.mjs";

function build([file, dimText, metric, kind, threads, m, efConstruction, directory]) {
  const dim = Number(dimText);
  const collection = create(directory, dim, metric, kind, Number(m), Number(efConstruction));
  insert(collection, readVectors(file, dim));
  const begin = now();
  collection.optimizeSync({ concurrency: Number(threads) });
  figure("build", now() - begin);
  collection.closeSync();
}

function search([directory, file, dimText, metric, kind, kText, seconds, efs, out]) {
  const dim = Number(dimText);
  const k = Number(kText);
  const queries = readVectors(file, dim);
  const collection = zvec.ZVecOpen(directory, { readOnly: true });
  const smallKind = kind === "rabitq" ? "fp32" : kind;
  const small = makeSmall(directory + ".small", dim, metric, smallKind, queries.row);
  sweep({
    queries, k, seconds: Number(seconds), labels: efs.split(","), out,
    open: (ef) => searcher(collection, kind, k, Number(ef)),
    openSmall: (ef) => searcher(small, smallKind, k, Number(ef)),
  });
  small.closeSync();
  rmSync(directory + ".small", { recursive: true, force: true });
  collection.closeSync();
}

const [command, ...rest] = process.argv.slice(2);
if (command === "build") build(rest);
else search(rest);
