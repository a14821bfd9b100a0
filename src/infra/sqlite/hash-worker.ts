import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const CHUNK = 1 << 20;

const file = openSync(workerData as string, "r");
const sum = createHash("sha256");
const buffer = Buffer.allocUnsafeSlow(CHUNK);
let bytes = 0;
for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
  sum.update(buffer.subarray(0, read));
  bytes += read;
}
closeSync(file);
parentPort?.postMessage({ bytes, sha256: sum.digest("hex") });
