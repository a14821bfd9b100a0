import type { CheckResult } from "../../../domain/engine/database-engine.ts";
import type { CheckLevel } from "../../../domain/integrity/events.ts";
import type { Finding } from "../../../domain/migration/events.ts";
import { failureOf } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";
import { readCatalog, type Catalog } from "./catalog.ts";
import { appliedVersions } from "./markers.ts";
import { readMeta, requireIdentity, requireMeta } from "./meta.ts";
import { engineError, sqlState } from "./postgres-error.ts";
import { countRows } from "./rows.ts";
import type { Session } from "./session.ts";
import { readSnapshot, usePlainPath } from "./transaction.ts";

/** Looks for damage. See `DatabaseEngine.check`. */
export async function check(session: Session, level: CheckLevel): Promise<CheckResult> {
  try {
    return await session.connections.using((client) =>
      readSnapshot(client, () => look(session, client, level)),
    );
  } catch (error) {
    throw engineError(error);
  }
}

async function look(session: Session, client: Client, level: CheckLevel): Promise<CheckResult> {
  const { own, host } = session;
  host.onProgress({ phase: "check", detail: "schema" });
  const catalog = await readCatalog(client, own.schema);
  const structure = level === "full" ? await readEverything(session, client, catalog) : [];
  host.onProgress({ phase: "check", detail: "foreign keys" });
  const references = level === "full" ? await brokenReferences(client) : [];
  return {
    findings: [
      ...structure,
      ...notEnforced(catalog),
      ...(await disabledReferences(client)),
      ...references,
      ...(await identityFindings(session, client)),
    ],
    fingerprint: catalog.fingerprint,
    applied: (await readMeta(client, own)) === undefined ? [] : await appliedVersions(client, own),
  };
}

/** Reads every row: the server compares the checksum of each page that it reads. */
async function readEverything(
  { host }: Session,
  client: Client,
  catalog: Catalog,
): Promise<Finding[]> {
  host.onProgress({ phase: "check", detail: "rows" });
  await client.query("SAVEPOINT schemaledger_check");
  try {
    await countRows(client, catalog);
    return [];
  } catch (error) {
    if (!/^(XX|58)/.test(sqlState(error))) throw error;
    await client.query("ROLLBACK TO SAVEPOINT schemaledger_check");
    await usePlainPath(client);
    return [
      {
        severity: "error",
        code: "damaged",
        message: error instanceof Error ? error.message : String(error),
        hint: "Keep a copy of the cluster's files, then restore the newest verified backup",
      },
    ];
  }
}

const notEnforced = ({ invalid }: Catalog): Finding[] =>
  [...invalid].map((name) => ({
    severity: "warning",
    code: "not-validated",
    message: `The ${name} is not valid: it was never checked against the rows that were there`,
    hint: "ALTER TABLE … VALIDATE CONSTRAINT; an invalid index is dropped and built again",
  }));

const DISABLED = `SELECT k.conrelid::regclass::text AS table, quote_ident(k.conname) AS name
  FROM pg_trigger g JOIN pg_constraint k ON k.oid = g.tgconstraint
  WHERE g.tgenabled IN ('D', 'R') AND k.contype = 'f' GROUP BY 1, 2 ORDER BY 1, 2`;

/** A foreign key whose triggers are off is declared and not enforced. */
async function disabledReferences(client: Client): Promise<Finding[]> {
  const { rows } = await client.query<{ readonly table: string; readonly name: string }>(DISABLED);
  return rows.map(({ table, name }) => ({
    severity: "warning",
    code: "foreign-key-disabled",
    table,
    message: `The foreign key ${name} of ${table} is not enforced: its triggers are disabled`,
    hint: `ALTER TABLE ${table} ENABLE TRIGGER ALL`,
  }));
}

interface Reference {
  readonly child: string;
  readonly parent: string;
  readonly name: string;
  readonly join: string;
  readonly given: string;
}

const REFERENCES = `SELECT k.conrelid::regclass::text AS child, k.confrelid::regclass::text AS parent, quote_ident(k.conname) AS name,
  (SELECT string_agg(format('p.%I = c.%I', f.attname, a.attname), ' AND ') FROM unnest(k.conkey, k.confkey) AS pair(own, other)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = own JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = other) AS join,
  (SELECT string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ') FROM unnest(k.conkey) AS own
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = own) AS given
  FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 3`;

/** Rows whose parents are missing do harm, but nothing is damaged. */
async function brokenReferences(client: Client): Promise<Finding[]> {
  const { rows } = await client.query<Reference>(REFERENCES);
  const findings: Finding[] = [];
  for (const { child, parent, name, join, given } of rows) {
    const found = await client.query<{ readonly count: string }>(
      `SELECT count(*) FROM ${child} c WHERE ${given} AND NOT EXISTS (SELECT 1 FROM ${parent} p WHERE ${join})`,
    );
    const count = Number(found.rows[0]!.count);
    if (count === 0) continue;
    findings.push({
      severity: "warning",
      code: "foreign-key-violations",
      table: child,
      message: `${count} ${count === 1 ? "row" : "rows"} of ${child} refer to a row that does not exist (${name})`,
      hint: "Correct the rows by a migration; it cannot be told who left them behind",
    });
  }
  return findings;
}

async function identityFindings({ own, target }: Session, client: Client): Promise<Finding[]> {
  try {
    requireIdentity(await requireMeta(client, own), target);
    return [];
  } catch (error) {
    const { code, message, hint } = failureOf(error);
    return [{ severity: "error", code, message, ...(hint === undefined ? {} : { hint }) }];
  }
}
