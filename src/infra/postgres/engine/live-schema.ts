import type { LiveSchema } from "../../../domain/engine/database-engine.ts";
import type { PostgresPhysical } from "../../../domain/database/events.ts";
import type { Client } from "../connection/open-client.ts";
import { readCatalog, type Catalog } from "./catalog.ts";
import { sqlState } from "./postgres-error.ts";
import type { OwnTables } from "./session.ts";

/** The schema as the connection sees it now. Inside `readSnapshot`. */
export async function liveSchema(client: Client, own: OwnTables): Promise<LiveSchema> {
  return describeLive(client, await readCatalog(client, own.schema));
}

/** What is said of a catalogue that was read already. */
export async function describeLive(client: Client, catalog: Catalog): Promise<LiveSchema> {
  const physical = await physicalOf(client);
  return {
    fingerprint: catalog.fingerprint,
    engineVersion: `PostgreSQL ${versionText(physical.serverVersion)}`,
    schema: catalog.schema,
    physical,
  };
}

const versionText = (version: number): string =>
  `${Math.floor(version / 10_000)}.${version % 10_000}`;

type Facts = Omit<PostgresPhysical, "systemIdentifier" | "timeline">;

const FACTS = `SELECT d.oid::int8 AS "databaseOid", current_setting('server_version_num')::int AS "serverVersion",
  pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collation, pg_database_size(d.oid) AS bytes,
  coalesce((SELECT json_agg(extname || ' ' || extversion ORDER BY extname) FROM pg_extension), '[]') AS extensions,
  current_setting('data_checksums') = 'on' AS "dataChecksums"
  FROM pg_database d WHERE d.datname = current_database()`;

async function physicalOf(client: Client): Promise<PostgresPhysical> {
  const facts = (await client.query<Facts>(FACTS)).rows[0]!;
  return {
    ...(await clusterOf(client)),
    ...facts,
    databaseOid: Number(facts.databaseOid),
    bytes: Number(facts.bytes),
  };
}

type Cluster = Pick<PostgresPhysical, "systemIdentifier" | "timeline">;

const CLUSTER = `SELECT system_identifier::text AS "systemIdentifier",
  (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline FROM pg_control_system()`;

/** Managed offerings can take this right away. */
async function clusterOf(client: Client): Promise<Cluster> {
  await client.query("SAVEPOINT cluster_identity");
  try {
    return (await client.query<Cluster>(CLUSTER)).rows[0]!;
  } catch (error) {
    if (sqlState(error) !== "42501") throw error;
    return { systemIdentifier: null, timeline: null };
  } finally {
    await client.query("ROLLBACK TO SAVEPOINT cluster_identity");
  }
}
