import { setTimeout as pause } from "node:timers/promises";
import { Refused, Unavailable } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";
import { sqlState } from "./errors.ts";
import { GRANTS, SCHEMA, SCHEMA_VERSION, UPGRADES } from "./schema.ts";

/** Who installs or upgrades holds it: one at a time in a database. */
const LOCK = "hashtextextended('schemaledger:ledger-schema', 0)";
const LOCK_WITHIN = 30_000;
const LOOK_EVERY = 100;

/**
 * Makes the tables, or brings them to this program's version; several processes may do so at once.
 * Errors: Unavailable ledger-too-new, ledger-locked · Refused ledger-setup-needed.
 */
export async function installSchema(client: Client, place: string): Promise<void> {
  if ((await versionOf(client)) < SCHEMA_VERSION) {
    await lock(client, place);
    try {
      await upgrade(client, place);
    } finally {
      await client.query(`SELECT pg_advisory_unlock(${LOCK})`);
    }
  }
  await requireKnown(client, place);
}

/** Errors: Unavailable ledger-too-new, ledger-missing. */
export async function requireKnown(client: Client, place: string): Promise<void> {
  const version = await versionOf(client);
  if (version > SCHEMA_VERSION)
    throw new Unavailable(
      "ledger-too-new",
      `${place} has schema version ${version}; this program knows ${SCHEMA_VERSION}`,
      { hint: "Use the release of Schemaledger that wrote it, or a newer one" },
    );
  if (version === 0)
    throw new Unavailable("ledger-missing", `There is no ledger in ${place}`, {
      hint: "Check the url",
    });
}

/** 0: there is none. */
async function versionOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('${SCHEMA}.ledger_schema') IS NOT NULL AS there`,
  );
  if (rows[0]?.there !== true) return 0;
  const found = await client.query<{ version: number }>(
    `SELECT version FROM ${SCHEMA}.ledger_schema`,
  );
  return found.rows[0]?.version ?? 0;
}

/** Asked for again and again: who waits in the lock itself holds a snapshot. */
async function lock(client: Client, place: string): Promise<void> {
  const until = performance.now() + LOCK_WITHIN;
  for (;;) {
    const { rows } = await client.query<{ got: boolean }>(
      `SELECT pg_try_advisory_lock(${LOCK}) AS got`,
    );
    if (rows[0]?.got === true) return;
    if (performance.now() > until)
      throw new Unavailable("ledger-locked", `${place} is being set up by somebody else`, {
        hint: "Wait for the other process, or end it",
      });
    await pause(LOOK_EVERY * (0.5 + Math.random()));
  }
}

async function upgrade(client: Client, place: string): Promise<void> {
  const version = await versionOf(client);
  if (version >= SCHEMA_VERSION) return;
  const steps = UPGRADES.slice(version).join("\n");
  const schema = version === 0 ? `CREATE SCHEMA IF NOT EXISTS ${SCHEMA};\n` : "";
  try {
    // One string is one transaction.
    await client.query(`BEGIN; ${schema}${steps} COMMIT`);
  } catch (error) {
    await client.query("ROLLBACK");
    if (sqlState(error) !== "42501") throw error;
    throw new Refused(
      "ledger-setup-needed",
      `The role of ${place} may not make or change the ledger's tables`,
      { hint: "Run schemaledger ledger setup as the role that is to own them" },
    );
  }
}

/** Gives a role what a service needs, and nothing more. The client's role owns the tables. */
export async function grantService(client: Client, role: string): Promise<void> {
  const name = client.escapeIdentifier(role);
  const granted = GRANTS.map((grant) => grant.replace(/ROLE$/, name)).join("; ");
  await client.query(`BEGIN; ${granted}; COMMIT`);
}

/** Whether this role could undo what was recorded: it owns the tables, or was given too much. */
export async function couldRewrite(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ could: boolean }>(
    `SELECT bool_or(has_table_privilege(format('${SCHEMA}.%I', t), p)) AS could
       FROM unnest(ARRAY['event', 'content', 'once_key', 'checkpoint']) t,
         unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) p`,
  );
  return rows[0]?.could === true;
}
