import { readFile } from "node:fs/promises";
import type { TargetAddress, TargetSecrets } from "../../domain/alerting/notifier.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { writeFileAtomic } from "../files/atomic-write.ts";

interface Kept {
  [secretId: string]: TargetAddress;
}

/** Addresses and secrets of alert targets in one JSON file (0600). It is read when first needed. */
export class FileTargetSecrets implements TargetSecrets {
  readonly #file: string;
  #kept: Promise<Kept> | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async put(secretId: string, address: TargetAddress): Promise<void> {
    const kept = { ...(await this.#read()), [secretId]: address };
    await this.#store(kept);
  }

  /** Of everything that is kept. */
  async ids(): Promise<readonly string[]> {
    return Object.keys(await this.#read());
  }

  async find(secretId: string): Promise<TargetAddress | undefined> {
    return (await this.#read())[secretId];
  }

  async keepOnly(secretIds: ReadonlySet<string>): Promise<void> {
    const kept = await this.#read();
    const wanted = Object.entries(kept).filter(([id]) => secretIds.has(id));
    if (wanted.length < Object.keys(kept).length) await this.#store(Object.fromEntries(wanted));
  }

  #read(): Promise<Kept> {
    this.#kept ??= this.#load().catch((error: unknown) => {
      // Mended by hand, it is read with the next use.
      this.#kept = undefined;
      throw error;
    });
    return this.#kept;
  }

  async #load(): Promise<Kept> {
    let text: string;
    try {
      text = await readFile(this.#file, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
      throw error;
    }
    try {
      return JSON.parse(text) as Kept;
    } catch {
      // Not the parser's words: they quote the text.
      throw new Unavailable("alert-targets-damaged", `${this.#file} is not JSON`, {
        hint: "Put it back from your backup of the directory keys, or remove it and give the targets their addresses again",
      });
    }
  }

  async #store(kept: Kept): Promise<void> {
    await writeFileAtomic(this.#file, `${JSON.stringify(kept, null, 2)}\n`);
    this.#kept = Promise.resolve(kept);
  }
}
