import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../domain/shared/digest.ts";
import type { WitnessStore } from "../../domain/witness/witness.ts";
import { makeDirectory, writeFileAtomic } from "../files/atomic-write.ts";

/** A directory for each log, named by the hash of its origin: `checkpoint`, `evidence/`. */
export class FileWitnessStore implements WitnessStore {
  readonly #directory: string;
  readonly #digest: Digest;

  constructor(directory: string, digest: Digest) {
    this.#directory = directory;
    this.#digest = digest;
  }

  async newest(origin: string): Promise<string | undefined> {
    return this.newestOf(this.#nameOf(origin));
  }

  /** By the hash of the origin, lower-case hex. */
  async newestOf(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#directory, name, "checkpoint"), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  async remember(origin: string, note: string): Promise<void> {
    const directory = join(this.#directory, this.#nameOf(origin));
    await makeDirectory(directory);
    await writeFileAtomic(join(directory, "checkpoint"), note);
  }

  async keepEvidence(origin: string, evidence: string): Promise<void> {
    const directory = join(this.#directory, this.#nameOf(origin), "evidence");
    await makeDirectory(directory);
    const time = new Date().toISOString().replaceAll(":", "-");
    await writeFileAtomic(join(directory, `${time}-${randomUUID().slice(0, 8)}.txt`), evidence);
  }

  #nameOf(origin: string): string {
    return this.#digest.hex(this.#digest.sha256(this.#digest.utf8(origin)));
  }
}
