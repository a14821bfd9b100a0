import { Worker } from "node:worker_threads";
import { DomainError } from "../../domain/shared/errors.ts";
import type { FileDigest } from "./files.ts";

/**
 * Hashes a file in a thread of its own while this one works in SQLite. Like everything in files.ts
 * never for a file that this process has a connection to: closing it would drop SQLite's locks.
 */
export class BackgroundHash {
  readonly #worker: Worker;
  readonly #digest: Promise<FileDigest>;

  constructor(path: string) {
    this.#worker = new Worker(new URL("./hash-worker.js", import.meta.url), { workerData: path });
    this.#digest = new Promise((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
      this.#worker.once("exit", () =>
        reject(new DomainError("io-error", `${path} could not be read to its end`)),
      );
    });
    // Whoever gives up early does not ask for the digest.
    this.#digest.catch(() => {});
  }

  /** Rejects with what kept the file from being read. */
  digest(): Promise<FileDigest> {
    return this.#digest;
  }

  /** Ends the thread, whether it is ready or not. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
