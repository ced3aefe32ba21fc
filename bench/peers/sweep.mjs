// What the scripts of the benches of approximate search share: raw float32 files, and the sweep that every engine is
// measured by (the same as in hnswlib_ann.cpp and support/ann_sweep.lua).
import { appendFileSync, readFileSync } from "node:fs";

export function readVectors(path, dim) {
  const bytes = readFileSync(path);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return { values, count: values.length / dim, row: (i) => values.subarray(i * dim, (i + 1) * dim) };
}

function percentile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

// Whole passes over the queries for `seconds`, at least one; all end after `atMost` seconds. `search` gives the array
// of rows found.
function measure(queries, k, seconds, search, atMost = Infinity) {
  const found = new Int32Array(queries.count * k).fill(-1);
  const times = [];
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1000;
  do {
    for (let q = 0; q < queries.count && (q === 0 || elapsed() <= atMost); q++) {
      const start = performance.now();
      const rows = search(queries.row(q));
      times.push(performance.now() - start);
      for (let i = 0; i < rows.length; i++) found[q * k + i] = Number(rows[i]);
    }
  } while (elapsed() < seconds);
  const sum = times.reduce((total, time) => total + time, 0);
  return { found, mean: sum / times.length, sorted: Float64Array.from(times).sort() };
}

// For each of `labels` prints "figure qps:LABEL", "figure p50:LABEL" and "figure p99:LABEL" (microseconds), and
// "figure floor:LABEL", the mean of a call on the small index right before; appends the rows found to the file `out`.
// `open(label)` and `openSmall(label)` give a search each. A pass that brings the pages in goes before the first
// label. With `atMost`, before every one, and the passes of a label end after that number of seconds, complete or not.
export function sweep({ queries, k, seconds, atMost = Infinity, labels, open, openSmall, out }) {
  labels.forEach((label, i) => {
    const search = open(label);
    const small = openSmall(label);
    if (i === 0 || atMost < Infinity) {
      measure(queries, k, 0, small, atMost / 4); // compiled by now
      measure(queries, k, 0, search, atMost / 4); // brings the pages in
    }
    const floor = measure(queries, k, seconds / 2, small, atMost).mean;
    const { found, mean, sorted } = measure(queries, k, seconds, search, atMost);
    console.log(`figure floor:${label} ${1000 * floor}`);
    console.log(`figure qps:${label} ${1000 / mean}`);
    console.log(`figure p50:${label} ${1000 * percentile(sorted, 0.5)}`);
    console.log(`figure p99:${label} ${1000 * percentile(sorted, 0.99)}`);
    appendFileSync(out, new Uint8Array(found.buffer));
  });
}
