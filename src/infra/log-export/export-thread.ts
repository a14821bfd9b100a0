import { workerData } from "node:worker_threads";
import type { Checkpoint } from "../../domain/ledger/ledger.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import { NodeDigest } from "../signing/node-digest.ts";
import { LedgerOnDisk } from "../sqlite/ledger-on-disk.ts";
import { serve } from "../threads/thread.ts";
import { ExportFiles } from "./export-files.ts";
import { LogExport } from "./log-export.ts";

/* The thread behind `ThreadedExport`: a `LogExport` over a connection of its own that cannot write. */

export interface ExportThreadData {
  readonly ledger: LedgerFiles;
  readonly directory: string;
  readonly payloads: boolean;
}

/** Where a ledger of this machine is. */
export interface LedgerFiles {
  readonly file: string;
  /** Hashes that the service keeps: used if they are there. */
  readonly tileCache: string;
}

export interface ExportRequest {
  readonly checkpoint: Checkpoint;
  /** Texts of the keys that sign now. */
  readonly vkeys: readonly string[];
  /** Whose signatures are this ledger's. */
  readonly keys: readonly VerifierKey[];
}

const { ledger, directory, payloads } = workerData as ExportThreadData;
const digest = new NodeDigest();
const { log, content } = new LedgerOnDisk(ledger.file, digest, ledger.tileCache);
let keys: readonly VerifierKey[] = [];
const target = new LogExport(
  new ExportFiles(directory),
  { log, content, digest, keys: () => keys },
  payloads,
);

serve<ExportRequest>(async (request) => {
  keys = request.keys;
  return { value: await target.run(request.checkpoint, request.vkeys) };
});
