import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

const DOMAIN = new URL("../../domain/", import.meta.url);

/** What decides how events become state: the folds, and what they read events and schemas with. */
const DIRECTORIES = ["state/", "schema/"];
const FILES = ["events.js", "ledger/jcs.js", "ledger/upcast.js"];

/**
 * A digest of the compiled code that folds events. State that other code has folded is folded
 * anew: nobody has to remember to raise a version.
 */
export function foldCode(): string {
  const sum = createHash("sha256");
  for (const name of [...FILES, ...DIRECTORIES.flatMap(modulesOf)])
    sum.update(`${name}\n`).update(readFileSync(new URL(name, DOMAIN)));
  return `sha256:${sum.digest("hex")}`;
}

function modulesOf(directory: string): string[] {
  const names = readdirSync(new URL(directory, DOMAIN)).filter((name) => name.endsWith(".js"));
  return names.toSorted().map((name) => directory + name);
}
