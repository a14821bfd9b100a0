import { statSync } from "node:fs";
import type { PageComparison, PagesToCompare } from "../../domain/engine/database-engine.ts";
import type { Finding } from "../../domain/migration/events.ts";
import { PAGE_BYTES } from "../page-store/page-list.ts";
import { differingPages } from "../page-store/page-difference.ts";
import { requireManifest } from "../page-store/store-access.ts";
import { pragmaNumber, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import type { Session } from "./session.ts";
import { engineError } from "./sqlite-error.ts";

/** Pages that a finding names. */
const NAMED = 10;

/** Compares the file with a backup page by page. See `DatabaseEngine.comparePages`. */
export async function comparePages(
  session: Session,
  { access, since }: PagesToCompare,
): Promise<PageComparison> {
  const { url } = session.target;
  // The file is read: no connection to it may be open here.
  session.connections.closeAll();
  session.snapshot = undefined;
  try {
    if (wasWrittenSince(url, since)) return { compared: false, findings: [] };
    const differing = await differingPages(access, await requireManifest(access), url);
    if (wasWrittenSince(url, since)) return { compared: false, findings: [] };
    return {
      compared: true,
      findings: differing.length === 0 ? [] : await described(url, differing),
    };
  } catch (error) {
    throw engineError(error);
  }
}

/**
 * What the operating system knows: whoever writes through it leaves a time. A WAL that is not empty
 * holds what the file lacks.
 */
function wasWrittenSince(url: string, since: string): boolean {
  const main = statSync(url);
  const wal = statSync(`${url}-wal`, { throwIfNoEntry: false });
  return main.mtimeMs >= Date.parse(since) || (wal?.size ?? 0) > 0;
}

/** One finding for each table or index that owns a page; one for all if that cannot be told. */
async function described(url: string, differing: readonly number[]): Promise<Finding[]> {
  const owners = await ownersOf(url, differing).catch(() => undefined);
  if (owners === undefined) return [changed("the database", undefined, differing)];
  return [...owners].map(([name, { table, pages }]) => changed(name, table, pages));
}

interface Owner {
  readonly table: string | undefined;
  readonly pages: number[];
}

interface Row {
  readonly name: string;
  readonly table: string | null;
}

const ownersOf = (url: string, differing: readonly number[]): Promise<ReadonlyMap<string, Owner>> =>
  withDatabase(url, "checking", (db) => {
    const perPage = pragmaNumber(db, "page_size") / PAGE_BYTES;
    const pages = new Set(differing.map((unit) => Math.floor(unit / perPage) + 1));
    const owners = new Map<string, Owner>();
    for (const page of [...pages].slice(0, MOST_LOOKED_UP)) {
      const { name, table } = ownerOf(db, page);
      const owner = owners.get(name) ?? { table: table ?? undefined, pages: [] };
      owner.pages.push(page);
      owners.set(name, owner);
    }
    return owners;
  });

const MOST_LOOKED_UP = 1000;

const ownerOf = (db: Connection, page: number): Row =>
  db
    .prepare<[number], Row>(
      `SELECT dbstat.name AS name, s.tbl_name AS "table" FROM dbstat
       LEFT JOIN main.sqlite_schema AS s ON s.name = dbstat.name WHERE pageno = ?`,
    )
    .get(page) ?? { name: "free pages", table: null };

function changed(name: string, table: string | undefined, pages: readonly number[]): Finding {
  const named = pages.slice(0, NAMED).join(", ");
  const more = pages.length > NAMED ? `, and ${pages.length - NAMED} more` : "";
  return {
    severity: "error",
    code: "pages-changed",
    message: `${pages.length === 1 ? "A page" : `${pages.length} pages`} of ${name} changed although nobody wrote since the last backup: ${named}${more}`,
    hint: "The disk, or something past the file system, changed them: recover the database, and check the disk",
    ...(table === undefined ? {} : { table }),
  };
}
