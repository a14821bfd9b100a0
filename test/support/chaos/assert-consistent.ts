import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { join } from "node:path";
import { fingerprintOf } from "../../../src/infra/sqlite/fingerprint.ts";
import { readCatalog } from "../../../src/infra/sqlite/catalog.ts";
import { appliedVersions } from "../../../src/infra/sqlite/markers.ts";
import type { Json, Api, AuditEvent, DatabaseView, RunView } from "./api.ts";
import { contentDigest, expectedContents } from "./story.ts";
import type { World } from "./world.ts";

/** An intent, the member that names it, and what can be its outcome. */
const INTENTS: readonly (readonly [intent: string, key: string, outcomes: readonly string[]])[] = [
  ["StepStarted", "attempt", ["StepApplied", "StepReverted", "StepFailed", "StepAborted"]],
  ["BackupStarted", "backupId", ["BackupCompleted", "BackupFailed"]],
  ["RestoreRequested", "restoreId", ["RestoreCompleted", "RestoreFailed"]],
  ["RestoreStarted", "restoreId", ["RestoreCompleted", "RestoreFailed"]],
  ["IntegrityCheckStarted", "checkId", ["IntegrityCheckCompleted"]],
  ["RunRequested", "runId", ["RunCompleted", "RunFailed", "RunCancelled"]],
  ["DatabaseRegistered", "databaseId", ["SchemaBaselined"]],
];

const STORY_CONTENTS = expectedContents();

/** What was found out, for more assertions. */
export interface Facts {
  readonly events: readonly AuditEvent[];
  readonly runs: readonly RunView[];
  /** Versions applied, joined by commas. */
  readonly applied: string;
}

/** How often an event of the type names the intent. A baseline names it by its stream. */
function outcomesOf(
  events: readonly AuditEvent[],
  key: string,
  id: unknown,
  of: readonly string[],
) {
  return events.filter(
    ({ type, data, stream }) =>
      of.includes(type) && (data[key] === id || stream === `database:${String(id)}`),
  ).length;
}

/** Every intent with the number of its outcomes, if that is not one. */
export function unsettled(events: readonly AuditEvent[]): string[] {
  return INTENTS.flatMap(([intent, key, outcomes]) =>
    events
      .filter(({ type }) => type === intent)
      .map(({ index, data }) => ({ index, n: outcomesOf(events, key, data[key], outcomes) }))
      .filter(({ n }) => n !== 1)
      .map(({ index, n }) => `${intent} ${index} has ${n} outcomes`),
  );
}

/**
 * Starts the service on what a crash left, waits until recovery and the queued runs have ended,
 * and asserts everything that must hold then, whatever happened before.
 */
export async function assertConsistent(
  world: World,
  contents: ReadonlyMap<string, string> = STORY_CONTENTS,
): Promise<Facts> {
  const service = await world.serve();
  const { api, log } = service;
  await api.until((all) => unsettled(all).length === 0);
  await released(api);
  const events = await api.events();
  await assertSound(api, events);
  const runs = (await api.need(api.get<{ items: RunView[] }>("/v1/runs?limit=100"))).items;
  const databases = (await api.need(api.get<{ items: DatabaseView[] }>("/v1/databases"))).items;
  const applied = await appliedBy(api, "app");
  await service.close();
  assert.deepEqual(
    log.filter(({ level }) => level === "error"),
    [],
  );
  assertDatabases(world, databases, applied, contents);
  await assertQuiet(world);
  return { events, runs, applied };
}

/** A quarantine by recovery ends with the next recovery that gets through. */
async function released(api: Api): Promise<void> {
  await api.until((all) => {
    const last = all.findLast(({ type }) => /^Database(Quarantined|Released)$/.test(type));
    return last?.type !== "DatabaseQuarantined";
  }, 5000);
}

/**
 * The service may still tell of an end, of an alert or of a backup of the ledger: it is verified again
 * until nothing was appended meanwhile. Every event counts then.
 */
async function verifiedAtRest(api: Api, before: readonly AuditEvent[]): Promise<Json> {
  for (let events = before, attempt = 0; ; attempt += 1) {
    const verification = await api.need(api.post("/v1/ledger/verifications"));
    const after = await api.events();
    if (after.length === events.length || attempt === 10) {
      assert.equal(verification["size"], after.length);
      return verification;
    }
    events = after;
  }
}

async function assertSound(api: Api, events: readonly AuditEvent[]): Promise<void> {
  const verification = await verifiedAtRest(api, events);
  assert.equal(verification["ok"], true, JSON.stringify(verification));
  const rebuilt = await api.need(api.post("/v1/ledger/rebuild"));
  assert.equal(rebuilt["identical"], true, JSON.stringify(rebuilt));
  assert.deepEqual(
    events.filter(({ type }) => type === "StepUnknown"),
    [],
  );
}

async function appliedBy(api: Api, database: string): Promise<string> {
  const { items } = await api.need(
    api.get<{ items: { version: string; state: string }[] }>(
      `/v1/databases/${database}/migrations`,
    ),
  );
  return items
    .filter(({ state }) => state === "applied")
    .map(({ version }) => version)
    .join(",");
}

/** Content, soundness, markers and fingerprint of every registered database. */
function assertDatabases(
  world: World,
  databases: readonly DatabaseView[],
  applied: string,
  contents: ReadonlyMap<string, string>,
): void {
  for (const { name, url, fingerprint, quarantine, status } of databases) {
    assert.equal(quarantine, null, `${name}: ${JSON.stringify(quarantine)}`);
    assert.equal(status, "ready");
    const db = new Database(url, { timeout: 1000 });
    try {
      assert.equal(db.pragma("integrity_check", { simple: true }), "ok");
      assert.equal(fingerprintOf(readCatalog(db)), fingerprint, `${name}: another schema`);
      if (name !== "app") continue;
      assert.equal(db.pragma("journal_mode", { simple: true }), world.mode);
      assert.equal(appliedVersions(db).join(","), applied, "markers and ledger differ");
      assert.ok(contents.has(applied), `there is no state ${applied}`);
      assert.equal(contentDigest(db), contents.get(applied), `not the content of ${applied}`);
    } finally {
      db.close();
    }
  }
}

/** What says that there was a start. */
const STARTS: ReadonlySet<string> = new Set(["ServiceStarted", "ServiceStopped"]);

/** With nothing open a start appends nothing but itself. */
async function assertQuiet(world: World): Promise<void> {
  const types = eventTypes(world);
  const service = await world.serve();
  // The recovery of every database begins at start; closing waits for its end.
  await service.close();
  const added = eventTypes(world).slice(types.length);
  assert.deepEqual(
    added.filter((type) => !STARTS.has(type)),
    [],
  );
}

function eventTypes({ data }: World): string[] {
  const db = new Database(join(data, "ledger.db"), { readonly: true });
  try {
    return db.prepare<[], string>("SELECT type FROM event ORDER BY idx").pluck().all();
  } finally {
    db.close();
  }
}
