// Zvec in the hybrid bench.
//
//   zvec_hybrid.mjs build BASE DIM l2|cosine|ip KIND THREADS M EF_CONSTRUCTION KEY_RANDOM KEY_POLE DIRECTORY
//   zvec_hybrid.mjs search DIRECTORY QUERIES DIM l2|cosine|ip KIND K SECONDS SECONDS_MAX FIELD LIMIT ROWS EF,EF,... FOUND
//
// KIND is fp32 or int8; for a search also int8-refined, on what int8 built. KEY_RANDOM and KEY_POLE are files of
// int32; their columns have an inverted index. A search has the filter FIELD < LIMIT, none when all ROWS pass.
import { readFileSync, rmSync } from "node:fs";
import { readVectors, sweep } from "./sweep.mjs";
import { figure, seconds as now, zvec } from "./zvec.mjs";
import { create, insert, makeSmall, searcher } from "./zvec_graph.mjs";

function readKeys(path) {
  const bytes = readFileSync(path);
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

function build([file, dimText, metric, kind, threads, m, efConstruction, keyRandom, keyPole, directory]) {
  const dim = Number(dimText);
  const columns = { key_random: readKeys(keyRandom), key_pole: readKeys(keyPole) };
  const collection = create(directory, dim, metric, kind, Number(m), Number(efConstruction), columns);
  insert(collection, readVectors(file, dim), columns);
  const begin = now();
  collection.optimizeSync({ concurrency: Number(threads) });
  figure("build", now() - begin);
  collection.closeSync();
}

// The call on ten rows, which is taken off, has no filter: reading one and looking it up is part of what is measured.
function search([directory, file, dimText, metric, kind, kText, seconds, atMost, field, limit, rows, efs, out]) {
  const dim = Number(dimText);
  const k = Number(kText);
  const queries = readVectors(file, dim);
  const filter = Number(limit) < Number(rows) ? `${field} < ${limit}` : undefined;
  const collection = zvec.ZVecOpen(directory, { readOnly: true });
  const small = makeSmall(directory + ".small", dim, metric, kind, queries.row);
  sweep({
    queries, k, seconds: Number(seconds), atMost: Number(atMost), labels: efs.split(","), out,
    open: (ef) => searcher(collection, kind, k, Number(ef), filter),
    openSmall: (ef) => searcher(small, kind, k, Number(ef)),
  });
  small.closeSync();
  rmSync(directory + ".small", { recursive: true, force: true });
  collection.closeSync();
}

const [command, ...rest] = process.argv.slice(2);
if (command === "build") build(rest);
else search(rest);
