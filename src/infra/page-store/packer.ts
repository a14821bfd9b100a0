import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { StoreAccess, StoredContent } from "../../domain/backup/backup-store.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { fromWire } from "../executor/wire-error.ts";
import type { PackerAnswer, PackerOrder } from "./packer-main.ts";
import type { FileToStore } from "./store-access.ts";

const MAIN = fileURLToPath(new URL("./packer-main.js", import.meta.url));
const STDERR_LIMIT = 4096;

export interface Packing {
  readonly access: StoreAccess;
  readonly files: readonly FileToStore[];
  readonly onProgress: (fraction: number) => void;
  readonly signal: AbortSignal;
  /** Where files are copied to first, and what is called as soon as they may change. */
  readonly copies?: readonly string[];
  readonly onCopied?: () => void;
}

/**
 * As `storeFiles`, in a process of its own: for files to which this process has connections. The
 * process dies with this one, and when `signal` is aborted.
 */
export async function storeFilesApart({
  access,
  files,
  onProgress,
  signal,
  copies,
  onCopied = () => {},
}: Packing): Promise<StoredContent> {
  const packer = fork(MAIN, [], {
    cwd: "/",
    // Nothing of this process's environment, as for the executor's own children.
    env: {
      ...(process.env["PATH"] === undefined ? {} : { PATH: process.env["PATH"] }),
      // With an arena a thread, the allocator keeps 30 MiB more of what was freed (measured).
      MALLOC_ARENA_MAX: "1",
    },
    execArgv: [],
    serialization: "json",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let stderr = "";
  packer.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_LIMIT);
  });
  const abort = (): boolean => packer.kill("SIGKILL");
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await new Promise<StoredContent>((resolve, reject) => {
      packer.on("message", (message) => {
        const answer = message as PackerAnswer;
        if (answer.kind === "progress") onProgress(answer.fraction);
        else if (answer.kind === "copied") onCopied();
        else if (answer.kind === "stored") resolve(answer.content as StoredContent);
        else reject(fromWire(answer.error));
      });
      packer.once("error", reject);
      packer.once("exit", (code, sent) =>
        reject(signal.aborted ? asError(signal.reason) : died(code, sent, stderr)),
      );
      const order: PackerOrder = { access, files, ...(copies === undefined ? {} : { copies }) };
      packer.send(order);
    });
  } finally {
    signal.removeEventListener("abort", abort);
    packer.kill("SIGKILL");
  }
}

const died = (code: number | null, signal: string | null, stderr: string): Unavailable =>
  new Unavailable("backup-packer-died", `The process that stores pages died (${signal ?? code})`, {
    hint: "See whether the machine is out of memory or processes, then try again",
    details: { stderr },
  });

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));
