import { readFileSync, statSync } from "node:fs";
import type { ActorName, ActorNames } from "../../domain/service/actor-names.ts";

/** How long what was read is taken for what is there, ms. */
const FRESH_MS = 1000;

/** The names of actors in a file that another process writes. Nothing is introduced or forgotten here. */
export class FollowedActors implements ActorNames {
  readonly #file: string;
  #names = new Map<string, ActorName>();
  #changed = Number.NaN;
  #looked = Number.NEGATIVE_INFINITY;

  constructor(file: string) {
    this.#file = file;
  }

  find(id: string): ActorName | undefined {
    const now = performance.now();
    if (now - this.#looked > FRESH_MS) this.#look();
    this.#looked = now;
    return this.#names.get(id);
  }

  async introduce(): Promise<void> {
    // Whoever reads with a token of an identity provider is named by the process that may write.
  }

  async forget(): Promise<void> {
    // As above.
  }

  #look(): void {
    const changed = statSync(this.#file, { throwIfNoEntry: false })?.mtimeMs;
    if (changed === this.#changed) return;
    this.#names = changed === undefined ? new Map() : this.#read();
    this.#changed = changed ?? Number.NaN;
  }

  #read(): Map<string, ActorName> {
    const names = JSON.parse(readFileSync(this.#file, "utf8")) as {
      readonly [id: string]: ActorName;
    };
    return new Map(Object.entries(names));
  }
}
