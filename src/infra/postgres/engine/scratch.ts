import { hash } from "node:crypto";
import { Unavailable } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";
import { isLost, sqlState } from "./postgres-error.ts";
import { programsFor, reaching, run } from "./programs.ts";
import { quoteName, quoteText } from "./quote.ts";
import type { Session } from "./session.ts";

/** Databases of a session that hold restored copies, by the place of the copy's files. */
export class ScratchDatabases {
  readonly #session: () => Session;
  readonly #names = new Map<string, string>();

  constructor(session: () => Session) {
    this.#session = session;
  }

  /** The name of the database with the copy, restored into it now if that was not done yet. */
  async of(
    scratchPath: string,
    onFraction: (fraction: number) => void = () => {},
  ): Promise<string> {
    const known = this.#names.get(scratchPath);
    if (known !== undefined) return known;
    const session = this.#session();
    const name = `${prefixOf(session)}${hash("sha256", scratchPath, "hex").slice(0, 12)}`;
    await session.connections.using(async (client) => {
      await dropLeftovers(client, session);
      await client.query(`CREATE DATABASE ${quoteName(name)} ${await likeThis(client)}`);
    });
    this.#names.set(scratchPath, name);
    await restoreInto(session, name, scratchPath);
    onFraction(1);
    return name;
  }

  /** The copy is the database's content from now on. */
  forget(scratchPath: string): void {
    this.#names.delete(scratchPath);
  }

  /** Never rejects: what stays is dropped by the next session that makes such a database. */
  async dropAll(): Promise<void> {
    if (this.#names.size === 0) return;
    const session = this.#session();
    this.#names.clear();
    await session.connections
      .using((client) => dropLeftovers(client, session))
      .catch(() => undefined);
  }
}

/** By this they are known as ours, and of which database they are. */
const prefixOf = ({ target }: Session): string =>
  `schemaledger_${hash("sha256", target.databaseId, "hex").slice(0, 12)}_`;

/** Databases that a session which was killed has left. One that somebody uses stays. */
async function dropLeftovers(client: Client, session: Session): Promise<void> {
  const { rows } = await client.query<{ readonly name: string }>(
    "SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)",
    [prefixOf(session)],
  );
  for (const { name } of rows)
    try {
      await client.query(`DROP DATABASE IF EXISTS ${quoteName(name)}`);
    } catch (error) {
      if (sqlState(error) !== "55006") throw error;
    }
}

interface Locale {
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly provider: string;
  readonly locale: string | null;
}

const LOCALE = `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype,
  to_jsonb(d)->>'datlocprovider' AS provider, coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale') AS locale
  FROM pg_database d WHERE datname = current_database()`;

/** How a database is made that sorts and encodes as the present one. */
export async function likeThis(client: Client): Promise<string> {
  const { encoding, collate, ctype, provider, locale } = (await client.query<Locale>(LOCALE))
    .rows[0]!;
  const own =
    provider === "i" && locale !== null
      ? ` LOCALE_PROVIDER icu ICU_LOCALE ${quoteText(locale)}`
      : provider === "b" && locale !== null
        ? ` LOCALE_PROVIDER builtin BUILTIN_LOCALE ${quoteText(locale)}`
        : "";
  return `TEMPLATE template0 ENCODING ${quoteText(encoding)} LC_COLLATE ${quoteText(collate)} LC_CTYPE ${quoteText(ctype)}${own}`;
}

/** Restores the files of a dump into an empty database. */
async function restoreInto(session: Session, name: string, directory: string): Promise<void> {
  const { address, connections } = session;
  const version = await connections.using(
    async (client) =>
      (
        await client.query<{ readonly version: number }>(
          "SELECT current_setting('server_version_num')::int AS version",
        )
      ).rows[0]!.version,
  );
  const { restore } = await programsFor(version);
  const { args, env } = reaching(address, name, connections.password);
  const options = ["-Fd", "-j", "2", "--exit-on-error"];
  await run(restore, [...options, ...args, directory], env).ended;
}

/** Runs `use` on a database of the same server that is neither the managed one nor a copy of it. */
export async function besideIt<T>(
  { connections, address }: Session,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  for (const name of ["postgres", "template1"].filter((other) => other !== address.database))
    try {
      return await connections.using(use, name);
    } catch (error) {
      if (!["3D000", "42501", "28000"].includes(sqlState(error)) || isLost(error)) throw error;
    }
  throw new Unavailable(
    "maintenance-database-missing",
    "A database is renamed from another one, and neither postgres nor template1 can be used",
    { hint: "Let the user connect to the database postgres" },
  );
}
