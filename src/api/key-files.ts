import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Unavailable } from "../domain/shared/errors.ts";
import { exists } from "../infra/files/exists.ts";

/** Made at the first start, and never again: each is part of what the ledger has promised. */
const KEY_FILES = ["origin", "pepper"];
const SIGNING_KEY = /^signing(-[0-9a-f]{8})?\.pem$/;

/**
 * Refuses to go on with a ledger whose key files are gone: new ones would sign as somebody else and
 * give every actor another pseudonym. Error: Unavailable key-files-missing.
 */
export async function requireKeyFiles(data: string): Promise<void> {
  const there = await Promise.all(
    ["ledger.db", "ledger-url"].map((name) => exists(join(data, name))),
  );
  if (there.includes(true)) await requireAllKeyFiles(data);
}

/** The same of a directory that has to have a ledger. */
export async function requireAllKeyFiles(data: string): Promise<void> {
  for (const name of KEY_FILES) {
    const file = join(data, "keys", name);
    if (await exists(file)) continue;
    throw missing(file);
  }
  if (!(await readdir(join(data, "keys"))).some((name) => SIGNING_KEY.test(name)))
    throw missing(join(data, "keys", "signing.pem"));
}

const missing = (file: string): Unavailable =>
  new Unavailable("key-files-missing", `The ledger is there, but ${file} is not`, {
    hint: "Put the directory keys back from your backup of it",
  });
