import { readFile } from "node:fs/promises";
import type { ActorName, ActorNames } from "../../domain/service/actor-names.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { writeFileAtomic } from "./atomic-write.ts";

/** Names of actors in one JSON file (0600): pseudonym → name. */
export class ActorDirectory implements ActorNames {
  readonly #file: string;
  readonly #names: Map<string, ActorName>;

  private constructor(file: string, names: Map<string, ActorName>) {
    this.#file = file;
    this.#names = names;
  }

  /** A missing file is an empty directory. Error: Unavailable actor-directory-damaged. */
  static async open(file: string): Promise<ActorDirectory> {
    return new ActorDirectory(file, await readNames(file));
  }

  find(id: string): ActorName | undefined {
    return this.#names.get(id);
  }

  async introduce(id: string, name: ActorName): Promise<void> {
    if (this.#names.has(id)) return;
    this.#names.set(id, name);
    await this.#store();
  }

  async forget(id: string): Promise<void> {
    if (this.#names.delete(id)) await this.#store();
  }

  async #store(): Promise<void> {
    const text = JSON.stringify(Object.fromEntries(this.#names), null, 2);
    await writeFileAtomic(this.#file, `${text}\n`);
  }
}

async function readNames(file: string): Promise<Map<string, ActorName>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Map();
    throw error;
  }
  try {
    return new Map(Object.entries(JSON.parse(text) as { readonly [id: string]: ActorName }));
  } catch {
    throw new Unavailable("actor-directory-damaged", `${file} is not JSON`, {
      hint: "Mend it or move it away: the ledger is whole without it, names are then not shown",
    });
  }
}
