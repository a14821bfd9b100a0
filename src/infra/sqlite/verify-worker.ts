import { parentPort, workerData } from "node:worker_threads";
import { NodeDigest } from "../signing/node-digest.ts";
import { openLedgerFile } from "./ledger-connection.ts";
import { RangeChecker, type Range } from "./verify-range.ts";

// A thread that checks the ranges it is sent, over a connection of its own that cannot write.
const { file, origin } = workerData as { readonly file: string; readonly origin: string };
const port = parentPort!;
const db = openLedgerFile(file, { origin, readOnly: true });
const checker = new RangeChecker(db, new NodeDigest());

port.on("message", (range: Range) => {
  checker.check(range).then(
    (checked) => port.postMessage(checked),
    (error: unknown) => {
      throw error;
    },
  );
});
