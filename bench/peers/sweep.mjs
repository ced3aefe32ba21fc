// What the scripts of the ann bench share: raw float32 files, and the sweep over ef that every engine is measured
// by (the same as in hnswlib_ann.cpp and support/ann_sweep.lua).
import { appendFileSync, readFileSync } from "node:fs";

export function readVectors(path, dim) {
  const bytes = readFileSync(path);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return { values, count: values.length / dim, row: (i) => values.subarray(i * dim, (i + 1) * dim) };
}

function percentile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

// Whole passes over the queries for `seconds`, at least one. `search` gives the array of rows found.
function measure(queries, k, seconds, search) {
  const found = new Int32Array(queries.count * k).fill(-1);
  const times = [];
  const begin = performance.now();
  do {
    for (let q = 0; q < queries.count; q++) {
      const start = performance.now();
      const rows = search(queries.row(q));
      times.push(performance.now() - start);
      for (let i = 0; i < rows.length; i++) found[q * k + i] = Number(rows[i]);
    }
  } while (performance.now() - begin < 1000 * seconds);
  const sum = times.reduce((total, time) => total + time, 0);
  return { found, mean: sum / times.length, sorted: Float64Array.from(times).sort() };
}

// For each ef prints "figure qps:EF", "figure p50:EF" and "figure p99:EF" (microseconds), and "figure floor:EF", the
// mean of a call on the small index right before; appends the rows found to the file `out`. `open(ef)` and
// `openSmall(ef)` give a search each.
export function sweep({ queries, k, seconds, efs, open, openSmall, out }) {
  efs.forEach((ef, i) => {
    const search = open(ef);
    const small = openSmall(ef);
    if (i === 0) {
      measure(queries, k, 0, small); // compiled by now
      measure(queries, k, 0, search); // brings the pages in
    }
    const floor = measure(queries, k, seconds / 2, small).mean;
    const { found, mean, sorted } = measure(queries, k, seconds, search);
    console.log(`figure floor:${ef} ${1000 * floor}`);
    console.log(`figure qps:${ef} ${1000 / mean}`);
    console.log(`figure p50:${ef} ${1000 * percentile(sorted, 0.5)}`);
    console.log(`figure p99:${ef} ${1000 * percentile(sorted, 0.99)}`);
    appendFileSync(out, new Uint8Array(found.buffer));
  });
}
