import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ExportPlace } from "./export-place.ts";
import { fsyncDirectory, writeFileAtomic } from "../files/atomic-write.ts";

/** Everybody may read a log; payloads and texts are for those who may read the ledger. */
const OPEN = { file: 0o644, directory: 0o755 };
const CLOSED = { file: 0o600, directory: 0o700 };

/**
 * The files of an export. Each appears whole or not at all, and is durable together with its
 * directory once `settle` has returned; only then may a checkpoint speak of it.
 */
export class ExportFiles implements ExportPlace {
  readonly name: string;
  /** Directories in which something was created or renamed. */
  readonly #touched = new Set<string>();
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
    try {
      return await readFile(join(this.name, path));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Writes what never changes; a file that is there with these bytes is left alone. */
  async put(path: string, bytes: Uint8Array, access: "open" | "closed"): Promise<void> {
    const found = await this.read(path);
    if (found?.equals(bytes) === true) return;
    const modes = access === "open" ? OPEN : CLOSED;
    const target = join(this.name, path);
    await this.#makeDirectory(dirname(target), modes.directory);
    const temporary = join(dirname(target), `.${randomUUID()}.tmp`);
    try {
      await writeSynced(temporary, bytes, modes.file);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    this.#touched.add(dirname(target));
    this.#written += 1;
    this.#bytes += bytes.length;
  }

  /** Makes everything put so far durable. */
  async settle(): Promise<void> {
    for (const directory of this.#touched) await fsyncDirectory(directory);
    this.#touched.clear();
  }

  /** Replaces a file that does change. Durable when it resolves. */
  async replace(path: string, text: string): Promise<void> {
    await writeFileAtomic(join(this.name, path), text, OPEN.file);
  }

  /** Removes a directory of partial tiles that a full one has taken the place of. */
  async dropPartials(path: string): Promise<void> {
    await rm(join(this.name, `${path}.p`), { recursive: true, force: true });
  }

  async #makeDirectory(path: string, mode: number): Promise<void> {
    const first = await mkdir(path, { recursive: true, mode });
    if (first === undefined) return;
    for (let made = path; made.length >= first.length; made = dirname(made))
      this.#touched.add(dirname(made));
  }
}

async function writeSynced(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    // The process's umask may have taken bits away.
    await file.chmod(mode);
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
