import { defineCommand, type Call } from "../command.ts";
import { toned, type Cell } from "../output.ts";
import { databaseName, databasePath, type Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Database {
  readonly name: string;
  readonly url: string;
  readonly status: string;
  readonly version: string | null;
  readonly pending: number;
  readonly lastRun: { readonly status: string; readonly at: string | null } | null;
  readonly lastBackup: { readonly status: string; readonly verifiedAt: string | null } | null;
  readonly lastCheck: { readonly status: string; readonly at: string } | null;
  readonly drift: object | null;
  readonly quarantine: { readonly reason: string } | null;
}

interface Migration {
  readonly version: string;
  readonly name: string;
  readonly state: string;
  readonly appliedAt?: string;
  readonly appliedBy?: { readonly name: string };
  readonly adopted?: { readonly tool: string; readonly claimed: { readonly at?: string } };
}

export const command = defineCommand<SharedOptions>({
  arguments: [{ name: "[database]", description: "a name or file; without it all databases" }],
  ledger: true,
  format: "status/1",
  members: {
    databases: "without an operand: all of them, as `GET /v1/databases` gives them",
    database: "with one: the database as `GET /v1/databases/{database}` gives it",
    migrations: "with one: its migrations, in version order",
  },
  examples: ["schemaledger status", "schemaledger status shop", "schemaledger status --json"],
  run: async (call) => {
    const client = await call.connect("read");
    const [text] = call.args;
    if (text === undefined) return all(call, await client.get<Page<Database>>("/v1/databases"));
    const name = await databaseName(client, text);
    const database = await client.get<Database>(databasePath(name));
    const { items } = await client.get<Page<Migration>>(databasePath(name, "migrations"));
    call.out.result({ database, migrations: items }, () => one(call, database, items));
  },
});

function all({ out }: Call<SharedOptions>, { items }: Page<Database>): void {
  out.result({ databases: items }, () => {
    if (items.length === 0) out.line("No database is registered: schemaledger migrate FILE DIR");
    else
      out.table(
        ["database", "status", "version", "pending", "last run", "verified backup", "last check"],
        items.map((database) => [
          database.name,
          statusOf(database),
          database.version,
          database.pending,
          database.lastRun?.status,
          database.lastBackup?.verifiedAt,
          database.lastCheck?.status,
        ]),
      );
  });
}

function one(
  { out }: Call<SharedOptions>,
  database: Database,
  migrations: readonly Migration[],
): void {
  out.facts([
    ["database", database.name],
    ["file", database.url],
    ["status", statusOf(database)],
    ["reason", database.quarantine?.reason],
    ["drift", database.drift === null ? null : "the schema was changed past the ledger"],
    ["version", database.version ?? "0 (before all)"],
    ["last run", withTime(database.lastRun?.status, database.lastRun?.at)],
    ["last backup", withTime(database.lastBackup?.status, database.lastBackup?.verifiedAt)],
    ["last check", withTime(database.lastCheck?.status, database.lastCheck?.at)],
  ]);
  if (migrations.length === 0) return;
  out.line();
  out.table(
    ["version", "name", "state", "applied at", "by"],
    migrations.map((migration) => [
      migration.version,
      migration.name,
      migration.state === "applied" ? toned("good", "applied") : migration.state,
      migration.appliedAt ?? claimedText(migration.adopted),
      migration.appliedBy?.name ?? migration.adopted?.tool,
    ]),
  );
}

const statusOf = ({ status, drift }: Database): Cell =>
  drift !== null && status === "ready"
    ? toned("warn", "drift")
    : toned(status === "ready" ? "good" : status === "quarantined" ? "bad" : "warn", status);

const withTime = (what: string | undefined, time: string | null | undefined): Cell =>
  what === undefined ? null : time === null || time === undefined ? what : `${what} ${time}`;

/** Nobody here has seen it: the other tool says so. */
const claimedText = (adopted: Migration["adopted"]): string | undefined =>
  adopted === undefined ? undefined : `${adopted.claimed.at ?? "unknown"} (claimed)`;
