// What the Zvec scripts share: the package from build/bench, figures on standard output, /proc/self/io.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.cwd() + "/build/bench/");

export const zvec = require("@zvec/zvec");

// Quiet unless something fails; the driver reads only the lines that figure() prints.
zvec.ZVecInitialize({ logLevel: zvec.ZVecLogLevel.ERROR });

export function figure(name, value) {
  console.log(`figure ${name} ${value}`);
}

export function seconds() {
  return performance.now() / 1000;
}

// Bytes this process has asked for (rchar) and that came from the disk (read_bytes).
export function bytesRead() {
  const text = readFileSync("/proc/self/io", "utf8");
  const value = (name) => Number(text.match(new RegExp(`^${name}: (\\d+)`, "m"))[1]);
  return { rchar: value("rchar"), disk: value("read_bytes") };
}
