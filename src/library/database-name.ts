import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { EngineName } from "../domain/database/events.ts";
import { pathOfUrl } from "../infra/files/database-path.ts";
import { isPostgresUrl, readAddress } from "../infra/postgres/connection/address.ts";
import type { DatabaseView } from "./desk.ts";

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const ENDING = /\.(db|sqlite|sqlite3|db3)$/i;

/** What a user means by `shop`, `shop.db`, `./shop`, `file:///srv/shop.db` or `postgres://…`. */
export type Wanted =
  | { readonly name: string }
  | { readonly path: string }
  /** Of a PostgreSQL database; it may hold a password. */
  | { readonly url: string };

/** A path if it looks like one; else the name of a registered database. */
export function wantedDatabase(text: string): Wanted {
  if (isPostgresUrl(text)) return { url: text };
  if (text.startsWith("file:")) return { path: pathOfUrl(text) };
  return ENDING.test(text) || text.includes("/") || !NAME.test(text)
    ? { path: text }
    : { name: text };
}

/** The path that the ledger would have for it: absolute, without links. */
export function realPath(path: string): string {
  const absolute = resolve(path);
  for (const [place, rest] of [
    [absolute, ""],
    [dirname(absolute), basename(absolute)],
  ] as const)
    try {
      return join(realpathSync(place), rest);
    } catch {
      // Not there: its directory may be. A path without directory is refused by the registration.
    }
  return absolute;
}

/** Where a wanted database is. */
export interface WantedPlace {
  readonly engine: EngineName;
  /** As the ledger has it. */
  readonly place: string;
  /** As it is registered. */
  readonly submitted: string;
  /** What its name is made of. */
  readonly stem: string;
}

/** What the ledger would have of it. Errors: those of `readAddress`. */
export function placeOf(wanted: { readonly path: string } | { readonly url: string }): WantedPlace {
  if ("url" in wanted) {
    const { url, database } = readAddress(wanted.url).address;
    return { engine: "postgres", place: url, submitted: wanted.url, stem: database };
  }
  const path = realPath(wanted.path);
  return { engine: "sqlite", place: path, submitted: path, stem: path };
}

/** A free name made of the file's: `Shop (1).db` → `shop-1`. */
export function nameFor(path: string, taken: readonly DatabaseView[]): string {
  const names = new Set(taken.map(({ name }) => name));
  const stem = basename(path)
    .replace(ENDING, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/^[^a-z0-9]+|-+$/g, "")
    .slice(0, 50);
  const first = stem === "" ? "database" : stem;
  if (!names.has(first)) return first;
  for (let n = 2; ; n++) if (!names.has(`${first}-${n}`)) return `${first}-${n}`;
}
