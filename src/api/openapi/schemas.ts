import { ADOPTION_SCHEMAS } from "./adoption-schemas.ts";
import { ALERT_SCHEMAS } from "./alert-schemas.ts";
import { ASSURANCE_SCHEMAS } from "./assurance-schemas.ts";
import { SCHEDULE_SCHEMAS } from "./schedule-schemas.ts";
import { BACKUP_SCHEMAS } from "./backup-schemas.ts";
import { HISTORY_SCHEMAS } from "./history-schemas.ts";
import { LEDGER_SCHEMAS } from "./ledger-schemas.ts";
import { RECOVERY_SCHEMAS } from "./recovery-schemas.ts";
import { RETENTION_SCHEMAS } from "./retention-schemas.ts";
import { POLICY_CHANGE_SCHEMAS } from "./consent-schemas.ts";
import { RUN_SCHEMAS } from "./run-schemas.ts";
import {
  text,
  orNull,
  uuid,
  time,
  count,
  flag,
  oneOf,
  listOf,
  texts,
  ref,
  anything,
  object,
  pagesOf,
  type Schemas,
} from "./schema-words.ts";

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
      errors: { type: "array", items: ref("FieldError") },
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
      backup: oneOf("none"),
      lockWaitMs: count(
        "How long a step waits for one lock before it lets the others by (PostgreSQL)",
      ),
      approvalsIfDestructive: count("Approvals that a destructive plan needs"),
      approvalHours: count("Hours for which an approval counts"),
      window: anything("When runs may begin: opens (cron), minutes, timeZone"),
      freezes: { type: "array", items: { type: "object" }, description: "Periods without runs" },
      reviewHours: count("Hours within which an emergency run must be reviewed"),
      backupAlertHours: count("Hours after which the newest verified backup is too old"),
      retention: ref("Retention"),
      approvers: oneOf("people", "provider"),
      approvalSignatures: anything("Whose own signatures approvals may, or must, carry"),
      trust: anything("Whose migrations are taken: signers, identities"),
      sqlLimits: anything("What SQL a migration may have: bytes, statements, classes"),
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
    policy: ref("Policy"),
    incarnation: uuid("Changes with each restore"),
    openRuns: texts("Runs that have not ended"),
    registeredAt: time("When it was registered"),
    retiredAt: orNull(time("When it was retired")),
    eventIndex: INDEX,
  }),
  Migration: object(
    {
      version: text("Its version", "20260102"),
      name: text("Its name", "add orders"),
      checksum: orNull(
        text("`sha256:` and hex over all that defines it; null: adopted without text"),
      ),
      state: oneOf("pending", "applied", "failed", "reverted"),
      transaction: oneOf("required", "none"),
      allow: anything("What it declares it may lose"),
      reversible: flag("It has a down script"),
      language: text("What it is written in if not in SQL"),
      functions: text("Digest of the module with the SQL functions that it uses"),
      accepted: {
        type: "array",
        items: { type: "object" },
        description: "Decisions about it: deviation, at, by, eventIndex",
      },
      order: text("Compared in place of the version, where a tool orders otherwise"),
      repeatable: flag("Runs after all versions"),
      signed: flag("A signature came with it"),
      trust: anything("Why the policy took it: by, signer and key or identity and claims; or null"),
      registeredAt: time("When the version was first registered"),
      registeredBy: ref("Actor"),
      textTakenAt: time(
        "When the text as it is now was taken: registered, or accepted in place of an earlier one. A signer's `from` and `until` are held against it",
      ),
      textTakenBy: ref("Actor"),
      appliedAt: time("When it was applied"),
      appliedBy: ref("Actor"),
      runId: text("The run that applied it"),
      adopted: anything(
        "What another tool's history claims of it, instead of appliedAt and appliedBy",
      ),
      eventIndex: INDEX,
    },
    ["version", "name", "checksum", "state", "transaction", "reversible", "registeredAt"],
  ),
  Plan: object({
    planDigest: text("Bound to the database, its schema and every step"),
    kind: oneOf("migrate", "rollback"),
    from: orNull(text("The highest applied version now")),
    to: orNull(text("The highest applied version afterwards")),
    steps: { type: "array", items: { type: "object" }, description: "The steps, in order" },
    findings: listOf("Finding"),
    reversible: flag("Every step has a down script"),
  }),
  ...RUN_SCHEMAS,
  ...POLICY_CHANGE_SCHEMAS,
  ...ADOPTION_SCHEMAS,
  ...BACKUP_SCHEMAS,
  ...ALERT_SCHEMAS,
  ...ASSURANCE_SCHEMAS,
  ...SCHEDULE_SCHEMAS,
  ...RETENTION_SCHEMAS,
  ...RECOVERY_SCHEMAS,
  Event: object(
    {
      index: count("Global, gapless, from 0; the leaf's index in the Merkle log"),
      id: uuid("Names the event"),
      type: text("What happened", "StepApplied"),
      stream: text("`service`, or `database:` and an id"),
      streamVersion: count("Place within the stream, from 0"),
      time: time("When"),
      actor: ref("Actor"),
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
  ...LEDGER_SCHEMAS,
  Key: object({
    id: uuid("Names the key"),
    name: text("Its name", "ci"),
    roles: { type: "array", items: oneOf("auditor", "operator", "approver", "admin") },
    actor: ref("Actor"),
    databases: anything("Ids of the databases it is limited to; or null"),
    issuedAt: time("When it was issued"),
    expiresAt: orNull(time("When it expires")),
    lastUsedAt: orNull(time("Its first use on the last day it was used")),
    revokedAt: orNull(time("When it was revoked")),
  }),
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
      status: oneOf("ok", "degraded", "failed"),
      checks: { type: "object", additionalProperties: ref("HealthCheck") },
    },
    ["status"],
  ),
  HealthCheck: object({ status: oneOf("ok", "degraded", "failed"), hint: text("What to do") }, [
    "status",
  ]),
  ...pagesOf("Database", "Migration", "Run", "Backup", "Restore", "Check", "Event", "Key"),
  ...HISTORY_SCHEMAS,
  OpenApi: { type: "object", description: "An OpenAPI 3.1 document" },
};
