import type { SchemaObject } from "openapi3-ts/oas31";

type Schemas = { readonly [name: string]: SchemaObject };
type Properties = { readonly [name: string]: SchemaObject };

const text = (description: string, example?: string): SchemaObject => ({
  type: "string",
  description,
  ...(example === undefined ? {} : { examples: [example] }),
});
const orNull = (schema: SchemaObject): SchemaObject => ({
  ...schema,
  type: [schema.type as "string", "null"],
});
const uuid = (description: string): SchemaObject => ({
  type: "string",
  format: "uuid",
  description,
});
const time = (description: string): SchemaObject => ({
  type: "string",
  format: "date-time",
  description,
});
const count = (description: string): SchemaObject => ({ type: "integer", minimum: 0, description });
const flag = (description: string): SchemaObject => ({ type: "boolean", description });
const oneOf = (...values: readonly string[]): SchemaObject => ({
  type: "string",
  enum: [...values],
});
const listOf = (name: string): SchemaObject => ({
  type: "array",
  items: ref(name) as SchemaObject,
});
const texts = (description: string): SchemaObject => ({
  type: "array",
  items: { type: "string" },
  description,
});
const ref = (name: string): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });
const nullable = (name: string): SchemaObject => ({ oneOf: [ref(name), { type: "null" }] });
const anything = (description: string): SchemaObject => ({ description });

/** An answer's object. Members not named here may be added at any time. */
const object = (properties: Properties, required = Object.keys(properties)): SchemaObject => ({
  type: "object",
  properties: properties as { [name: string]: SchemaObject },
  required,
});

const page = (name: string): SchemaObject =>
  object({
    items: listOf(name),
    next: orNull(text("Pass it as `after` for the next page; null on the last one")),
  });

const FINGERPRINT = orNull(text("Digest of the logical schema, by the engine's catalogue"));
const INDEX = count("Index of the event in the ledger");

/** What answers look like. Requests are described by their DTO classes. */
export const RESPONSE_SCHEMAS: Schemas = {
  Problem: object(
    {
      type: text("Names the kind of problem", "urn:schemaledger:problem:database-not-found"),
      title: text("The status in words", "Not Found"),
      status: count("The status"),
      detail: text("What is wrong", "No database is registered as shop"),
      code: text("Stable; decide by it", "database-not-found"),
      hint: text("What to do", "GET /v1/databases lists them"),
      errors: { type: "array", items: ref("FieldError") as SchemaObject },
      requestId: text("Names this request in the service's log and in events"),
      instance: text("The path asked for", "/v1/databases/shop"),
    },
    ["type", "title", "status", "detail", "code"],
  ),
  FieldError: object({
    pointer: text("JSON pointer into the body, or `?name` of a query parameter", "/to"),
    message: text("What is wrong there"),
  }),
  Failure: object(
    {
      code: text("Stable kebab-case"),
      message: text("What happened"),
      hint: text("What to do"),
      statement: count("1-based number of the SQL statement that failed"),
    },
    ["code", "message"],
  ),
  Finding: object(
    {
      severity: oneOf("error", "warning", "info"),
      code: text("Stable kebab-case"),
      message: text("What was found"),
      hint: text("What to do"),
      table: text("The table concerned"),
      statement: count("1-based statement number"),
    },
    ["severity", "code", "message"],
  ),
  Actor: object({
    id: text("Pseudonym", "act_5f0c3a9be2d14477a1b2c3d4e5f60718"),
    name: text("The name it has now", "ci"),
    kind: oneOf("user", "service", "system"),
  }),
  Policy: object(
    {
      approvals: count("Approvals needed before a run starts"),
      rehearse: flag("Execute the plan on a restored copy first"),
      onFailure: oneOf("stop", "revert", "restore"),
      stepTimeoutMs: count("A step that runs longer is rolled back"),
    },
    ["approvals", "rehearse"],
  ),
  Database: object({
    id: uuid("Names the database for ever"),
    name: text("Its name", "shop"),
    engine: oneOf("sqlite", "postgres"),
    url: text("Where it is, without credentials", "/srv/shop/shop.db"),
    status: oneOf("ready", "running", "quarantined", "retired"),
    version: orNull(text("The highest applied version", "20260102")),
    fingerprint: FINGERPRINT,
    engineVersion: orNull(text("Version of the engine that read the schema")),
    pending: count("Registered migrations that are not applied"),
    lastRun: anything("The run that ended last: id, status, outcome, error with hint, at; or null"),
    lastBackup: anything("The newest backup: id, status, verifiedAt, bytes; or null"),
    lastCheck: anything("The newest integrity check: id, status, at; or null"),
    drift: anything("Expected and found fingerprint, if they differ; or null"),
    quarantine: anything("Why nothing may run on it: code, reason, hint; or null"),
    policy: ref("Policy") as SchemaObject,
    incarnation: uuid("Changes with each restore"),
    openRuns: texts("Runs that have not ended"),
    registeredAt: time("When it was registered"),
    retiredAt: orNull(time("When it was retired")),
    eventIndex: INDEX,
  }),
  DatabaseList: page("Database"),
  Schema: object({
    database: text("Its name", "shop"),
    index: count("Index of the newest event that this answer takes into account"),
    fingerprint: FINGERPRINT,
    engineVersion: orNull(text("Version of the engine that read the schema")),
    objects: {
      type: "array",
      items: { type: "object" },
      description: "Tables, indexes, views, triggers",
    },
  }),
  Migration: object(
    {
      version: text("Its version", "20260102"),
      name: text("Its name", "add orders"),
      checksum: text("`sha256:` and hex over all that defines it"),
      state: oneOf("pending", "applied", "failed", "reverted"),
      transaction: oneOf("required", "none"),
      allow: anything("What it declares it may lose"),
      reversible: flag("It has a down script"),
      registeredAt: time("When it was registered"),
      registeredBy: ref("Actor") as SchemaObject,
      appliedAt: time("When it was applied"),
      appliedBy: ref("Actor") as SchemaObject,
      runId: text("The run that applied it"),
      eventIndex: INDEX,
    },
    ["version", "name", "checksum", "state", "transaction", "reversible", "registeredAt"],
  ),
  MigrationList: page("Migration"),
  Plan: object({
    planDigest: text("Bound to the database, its schema and every step"),
    kind: oneOf("migrate", "rollback"),
    from: orNull(text("The highest applied version now")),
    to: orNull(text("The highest applied version afterwards")),
    steps: { type: "array", items: { type: "object" }, description: "The steps, in order" },
    findings: listOf("Finding"),
    reversible: flag("Every step has a down script"),
  }),
  Step: object(
    {
      version: text("The migration's version"),
      name: text("The migration's name"),
      direction: oneOf("up", "down"),
      transaction: oneOf("required", "none"),
      status: oneOf("pending", "running", "applied", "reverted", "failed", "aborted", "unknown"),
      durationMs: { type: ["number", "null"], description: "How long it took" },
      error: ref("Failure") as SchemaObject,
      findings: listOf("Finding"),
      eventIndex: orNull(INDEX),
    },
    ["version", "name", "direction", "status", "durationMs", "findings"],
  ),
  Run: object({
    id: uuid("Names the run"),
    kind: oneOf("migrate", "rollback"),
    database: text("The database's name", "shop"),
    databaseId: uuid("The database's id"),
    status: oneOf("queued", "running", "succeeded", "failed", "cancelled"),
    outcome: orNull(text("What became of the database", "applied")),
    to: orNull(text("The version it leads to")),
    strategy: orNull(text("How it rolls back")),
    onFailure: orNull(text("What happens to earlier steps if one fails")),
    planDigest: text("Digest of the plan it executes"),
    reason: orNull(text("Why it was asked for")),
    ticket: orNull(text("The ticket it belongs to")),
    steps: listOf("Step"),
    requestedBy: ref("Actor") as SchemaObject,
    requestedAt: time("When it was asked for"),
    startedAt: orNull(time("When it began")),
    endedAt: orNull(time("When it ended")),
    durationMs: { type: ["number", "null"], description: "How long it took" },
    approvals: { type: "array", items: { type: "object" }, description: "Who agreed" },
    backupId: orNull(text("The verified backup taken before the first step")),
    restoreIds: texts("Restores it caused"),
    rehearse: flag("Whether it is rehearsed first"),
    rehearsal: anything("How the rehearsal went; or null"),
    error: nullable("Failure"),
    eventIndex: INDEX,
  }),
  RunList: page("Run"),
  Backup: object({
    id: uuid("Names the backup"),
    database: text("The database's name", "shop"),
    databaseId: uuid("The database's id"),
    kind: oneOf("full", "table", "raw"),
    purpose: oneOf("manual", "run", "safety"),
    tables: anything("The tables it holds; null = all"),
    runId: orNull(text("The run it was taken for")),
    status: oneOf("running", "completed", "verified", "failed", "damaged"),
    bytes: orNull(count("Size of the snapshot")),
    storedBytes: orNull(count("Size in the store")),
    sha256: orNull(text("Hex SHA-256 of the snapshot")),
    fingerprint: FINGERPRINT,
    rows: anything("Rows per table; or null"),
    applied: anything("Versions applied in the snapshot; or null"),
    durationMs: { type: ["number", "null"], description: "How long it took" },
    startedAt: time("When it began"),
    startedBy: ref("Actor") as SchemaObject,
    verifiedAt: orNull(time("When it was last restored to scratch and compared")),
    error: nullable("Failure"),
    eventIndex: INDEX,
  }),
  BackupList: page("Backup"),
  Restore: object({
    id: uuid("Names the restore"),
    database: text("The database's name", "shop"),
    databaseId: uuid("The database's id"),
    backupId: uuid("The backup that is brought back"),
    safetyBackupId: orNull(text("Backup of what was replaced")),
    runId: orNull(text("The run that caused it")),
    reason: text("Why it was asked for"),
    status: oneOf("queued", "running", "succeeded", "failed"),
    requestedBy: ref("Actor") as SchemaObject,
    requestedAt: time("When it was asked for"),
    endedAt: orNull(time("When it ended")),
    fingerprint: FINGERPRINT,
    applied: anything("Versions applied afterwards; or null"),
    rowsBefore: anything("Rows per table just before; or null"),
    rowsAfter: anything("Rows per table just after; or null"),
    durationMs: { type: ["number", "null"], description: "How long it took" },
    error: nullable("Failure"),
    eventIndex: INDEX,
  }),
  RestoreList: page("Restore"),
  Check: object({
    id: uuid("Names the check"),
    database: text("The database's name", "shop"),
    databaseId: uuid("The database's id"),
    level: oneOf("quick", "full"),
    runId: orNull(text("The run it belongs to")),
    status: oneOf("running", "passed", "failed", "aborted"),
    findings: listOf("Finding"),
    startedAt: time("When it began"),
    startedBy: ref("Actor") as SchemaObject,
    endedAt: orNull(time("When it ended")),
    durationMs: { type: ["number", "null"], description: "How long it took" },
    eventIndex: INDEX,
  }),
  CheckList: page("Check"),
  Event: object(
    {
      index: count("Global, gapless, from 0; the leaf's index in the Merkle log"),
      id: uuid("Names the event"),
      type: text("What happened", "StepApplied"),
      stream: text("`service`, or `database:` and an id"),
      streamVersion: count("Place within the stream, from 0"),
      time: time("When"),
      actor: ref("Actor") as SchemaObject,
      correlationId: text("Shared by all that one run or request caused"),
      causationId: orNull(text("What caused it")),
      database: text("The database's name", "shop"),
      runId: text("The run it belongs to"),
      leafHash: text("Hex SHA-256 of its leaf"),
      context: anything("How the actor was authenticated, from where, by which tool"),
      data: anything("What the event says; null once it was erased"),
      erased: flag("Its payload was erased; the leaf remains"),
    },
    [
      "index",
      "id",
      "type",
      "stream",
      "streamVersion",
      "time",
      "actor",
      "correlationId",
      "leafHash",
    ],
  ),
  EventList: page("Event"),
  LedgerVerification: object({
    ok: flag("Nothing was found"),
    size: count("Number of events"),
    root: text("Base64 root of the Merkle tree"),
    checkedEvents: count("Events that were hashed again"),
    erasedPayloads: count("Payloads that were erased"),
    findings: { type: "array", items: { type: "object" }, description: "What is wrong" },
  }),
  Rebuild: object({
    before: text("Digest of the state before"),
    after: text("Digest of the state rebuilt from every event"),
    identical: flag("They are the same"),
  }),
  Key: object({
    id: uuid("Names the key"),
    name: text("Its name", "ci"),
    roles: { type: "array", items: oneOf("auditor", "operator", "approver", "admin") },
    actor: ref("Actor") as SchemaObject,
    issuedAt: time("When it was issued"),
    revokedAt: orNull(time("When it was revoked")),
  }),
  KeyList: page("Key"),
  IssuedKey: {
    allOf: [
      ref("Key"),
      object(
        { token: text("The bearer token: shown here and never again; absent on a replay") },
        [],
      ),
    ],
  },
  Health: object(
    {
      status: oneOf("ok", "failed"),
      checks: { type: "object", additionalProperties: oneOf("ok", "failed") },
    },
    ["status"],
  ),
  OpenApi: { type: "object", description: "An OpenAPI 3.1 document" },
};
