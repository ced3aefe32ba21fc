// zvec_open.mjs DIRECTORY: open a Zvec collection in this fresh process and say what that took.
import { bytesRead, figure, seconds, zvec } from "./zvec.mjs";

const before = bytesRead();
const begin = seconds();
const collection = zvec.ZVecOpen(process.argv[2]);
const opened = seconds();
const after = bytesRead();
const fetchBegin = seconds();
if (!collection.fetchSync({ ids: "777", includeVector: false })["777"]) throw new Error("no document 777");
const fetched = seconds();

figure("open", opened - begin);
figure("fetch", fetched - fetchBegin);
figure("rchar", after.rchar - before.rchar);
figure("disk", after.disk - before.disk);
figure("documents", collection.stats.docCount);
collection.closeSync();
