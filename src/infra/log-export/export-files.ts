import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ExportPlace } from "./export-place.ts";
import { fsyncDirectory, writeFileAtomic } from "../files/atomic-write.ts";

const sync = promisify(fsync);

/** Everybody may read a log; payloads and texts are for those who may read the ledger. */
const OPEN = { file: 0o644, directory: 0o755 };
const CLOSED = { file: 0o600, directory: 0o700 };

/** Files that wait for their syncs at most: each has a descriptor. */
const MOST_WAITING = 64;

/** A file that is written and has neither its name nor its sync yet. */
interface Waiting {
  readonly fd: number;
  readonly temporary: string;
}

/**
 * The files of an export. Each appears whole or not at all, and is durable together with its
 * directory once `settle` has returned; only then may a checkpoint speak of it. Small files are
 * written by calls that block, which take less of a processor than those that do not; their syncs go
 * together, and do not block.
 */
export class ExportFiles implements ExportPlace {
  readonly name: string;
  readonly #waiting = new Map<string, Waiting>();
  /** Directories that are known to be there. */
  readonly #made = new Set<string>();
  /** Directories in which something was created or renamed. */
  readonly #touched = new Set<string>();
  #settling: Promise<void> = Promise.resolve();
  #written = 0;
  #bytes = 0;

  constructor(root: string) {
    this.name = root;
  }

  /** Files and bytes that were written, without those that were there already. */
  get written(): { readonly files: number; readonly bytes: number } {
    return { files: this.#written, bytes: this.#bytes };
  }

  async read(path: string): Promise<Buffer | undefined> {
    return readIfThere(join(this.name, path));
  }

  /** Writes what never changes; a file that is there with these bytes is left alone. */
  async put(path: string, bytes: Uint8Array, access: "open" | "closed"): Promise<void> {
    const target = join(this.name, path);
    if (this.#waiting.has(target)) await this.#sync();
    if (readIfThere(target)?.equals(bytes) === true) {
      // Whoever wrote it may have died before its name was durable.
      this.#touched.add(dirname(target));
      return;
    }
    this.#waiting.set(target, this.#write(target, bytes, access === "open" ? OPEN : CLOSED));
    this.#written += 1;
    this.#bytes += bytes.length;
    if (this.#waiting.size >= MOST_WAITING) await this.#sync();
  }

  /** Makes everything put so far durable. What cannot be is gone, and rejects. */
  async settle(): Promise<void> {
    await this.#sync();
    const touched = [...this.#touched];
    const results = await Promise.allSettled(touched.map(fsyncDirectory));
    const failed = results.find(({ status }) => status === "rejected");
    for (const [at, { status }] of results.entries())
      // What could not be synced is tried again, unless it is gone: then so are its files.
      if (status === "fulfilled" || !existsSync(touched[at]!)) this.#touched.delete(touched[at]!);
    if (failed?.status === "rejected") throw failed.reason;
  }

  /** Syncs what waits, and gives it its names. */
  #sync(): Promise<void> {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const mine = this.#settling
      .catch(() => {
        // Whoever waited for that was told.
      })
      .then(() => this.#finish(waiting));
    this.#settling = mine;
    return mine;
  }

  async #finish(waiting: readonly (readonly [target: string, Waiting])[]): Promise<void> {
    const results = await Promise.allSettled(waiting.map(([, { fd }]) => sync(fd)));
    for (const [, { fd }] of waiting) closeSync(fd);
    try {
      for (const result of results) if (result.status === "rejected") throw result.reason;
      for (const [target, { temporary }] of waiting) {
        renameSync(temporary, target);
        this.#touched.add(dirname(target));
      }
    } catch (error) {
      for (const [, { temporary }] of waiting) rmSync(temporary, { force: true });
      throw error;
    }
  }

  /** Replaces a file that does change. Durable when it resolves. */
  async replace(path: string, text: string): Promise<void> {
    await writeFileAtomic(join(this.name, path), text, OPEN.file);
  }

  /** Removes a directory of partial tiles that a full one has taken the place of. */
  async dropPartials(path: string): Promise<void> {
    const directory = join(this.name, `${path}.p`);
    this.#made.delete(directory);
    await rm(directory, { recursive: true, force: true });
  }

  #write(target: string, bytes: Uint8Array, modes: typeof OPEN): Waiting {
    const temporary = join(dirname(target), `.${randomUUID()}.tmp`);
    this.#makeDirectory(dirname(target), modes.directory);
    const fd = this.#create(temporary, modes);
    try {
      // The process's umask may have taken bits away.
      fchmodSync(fd, modes.file);
      writeWhole(fd, bytes);
      return { fd, temporary };
    } catch (error) {
      closeSync(fd);
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  #create(path: string, modes: typeof OPEN): number {
    try {
      return openSync(path, "wx", modes.file);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Somebody has removed directories that were there.
      this.#made.clear();
      this.#makeDirectory(dirname(path), modes.directory);
      return openSync(path, "wx", modes.file);
    }
  }

  #makeDirectory(path: string, mode: number): void {
    if (this.#made.has(path)) return;
    const first = mkdirSync(path, { recursive: true, mode });
    if (first !== undefined)
      for (let made = path; made.length >= first.length; made = dirname(made))
        this.#touched.add(dirname(made));
    this.#made.add(path);
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
}
