import {
  anything,
  count,
  flag,
  object,
  oneOf,
  orNull,
  pagesOf,
  ref,
  text,
  texts,
  time,
  uuid,
  type Schemas,
} from "./schema-words.ts";

const FINGERPRINT = text("Digest of the logical schema, by the engine's catalogue");
const OBJECTS = { type: "array", items: { type: "object" } } as const;

/** Answers about the past. */
export const HISTORY_SCHEMAS: Schemas = {
  Schema: object({
    database: text("Its name", "shop"),
    index: count("Index of the event just after which this was the schema"),
    time: time("When that event was recorded"),
    fingerprint: FINGERPRINT,
    engineVersion: orNull(text("Version of the engine that reads the schema")),
    since: anything("Index and time of the event that led to this schema"),
    objects: { ...OBJECTS, description: "Tables, indexes, views, triggers" },
  }),
  SchemaDiff: object({
    database: text("Its name", "shop"),
    from: ref("SchemaSide"),
    to: ref("SchemaSide"),
    equal: flag("Both have the same fingerprint"),
    changes: {
      ...OBJECTS,
      description:
        "`change` (added, removed, changed), `type`, `name`, `before`, `after`, `diff`; `spellingOnly` if both mean the same",
    },
    renames: { ...OBJECTS, description: "Tables and columns renamed in between, by event" },
    running: flag("A run has not ended: the live schema can be ahead of the ledger"),
  }),
  SchemaSide: object({
    point: oneOf("ledger", "live"),
    index: orNull(count("The event just after which; null: live")),
    fingerprint: orNull(FINGERPRINT),
  }),
  Blame: object(
    {
      type: oneOf("table", "column", "constraint", "index", "view", "trigger"),
      name: orNull(text("Its name; null for a constraint without one")),
      table: text("The table or view it belongs to"),
      formerNames: texts("Names it had, oldest first"),
      kind: oneOf("primary-key", "unique", "check", "foreign-key", "not-null"),
      column: orNull(text("The column a constraint is written at; null: at the table")),
      text: text("The constraint as written"),
      made: ref("Origin"),
      changed: ref("Origin"),
    },
    ["type", "name", "table", "formerNames", "made", "changed"],
  ),
  Origin: object(
    {
      kind: oneOf("baseline", "migration", "rollback", "restore", "drift"),
      migration: anything("Version and name of the migration whose script it was"),
      runId: uuid("The run"),
      restoreId: uuid("The restore"),
      eventIndex: count("Index of the event in the ledger"),
      time: time("When it was recorded"),
      actor: ref("Actor"),
    },
    ["kind", "eventIndex", "time", "actor"],
  ),
  Drift: object({
    drift: flag("The schemas differ"),
    expected: FINGERPRINT,
    found: FINGERPRINT,
    differences: { ...OBJECTS, description: "What turns the expected schema into the found one" },
  }),
  Metrics: object({
    from: time("Begin of the period"),
    to: time("End of the period"),
    firstIndex: count("Index of its first event"),
    lastIndex: { type: "integer", description: "Index of its last event" },
    total: ref("Tally"),
    byDatabase: { ...OBJECTS, description: "A Tally each, with `database`" },
    byMigration: {
      ...OBJECTS,
      description:
        "`version`, `name`, `checksum`, `direction`, `committed`, `failed`, `durationsMs`, `rehearsalsMs`",
    },
    byDay: { ...OBJECTS, description: "A Tally each, with `day` (UTC)" },
    findings: { ...OBJECTS, description: "Steps much slower than their rehearsal" },
  }),
  Tally: object({
    runs: anything("requested, succeeded, failed, cancelled, rejected"),
    steps: anything("applied, reverted, failed, aborted, unknown"),
    rehearsals: anything("passed, failed"),
    recoveries: count("Times that recovery looked into a database"),
    durationsMs: anything(
      "Of runs, steps, backups, checks: count, p50, p95, max (nearest rank; null if there is none)",
    ),
    rows: anything("Rows by which tables grew and shrank in steps: added, removed"),
    backups: anything("completed, failed, verified, damaged, bytes, storedBytes, largestBytes"),
    restores: anything("completed, failed"),
    checks: anything("passed, failed, aborted"),
    drifts: count("Times that drift was detected"),
  }),
  ...pagesOf("Blame"),
};
