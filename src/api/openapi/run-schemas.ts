import { RUN_STATUSES } from "../../domain/state/statuses.ts";
import { CONSENT } from "./consent-schemas.ts";
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
  nullable,
  anything,
  object,
  type Schemas,
} from "./schema-words.ts";

const INDEX = count("Index of the event in the ledger");

/** What answers about runs look like. */
export const RUN_SCHEMAS: Schemas = {
  Step: object(
    {
      version: text("The migration's version"),
      name: text("The migration's name"),
      direction: oneOf("up", "down"),
      transaction: oneOf("required", "none"),
      status: oneOf("pending", "running", "applied", "reverted", "failed", "aborted", "unknown"),
      durationMs: { type: ["number", "null"], description: "How long it took" },
      error: ref("Failure"),
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
    status: oneOf(...RUN_STATUSES),
    outcome: orNull(text("What became of the database", "applied")),
    to: orNull(text("The version it leads to")),
    strategy: orNull(text("How it rolls back")),
    restores: orNull(
      text("The backup that is brought back where a roll back does not undo its steps by scripts"),
    ),
    onFailure: orNull(text("What happens to earlier steps if one fails")),
    planDigest: text("Digest of the plan it executes"),
    reason: orNull(text("Why it was asked for")),
    ticket: orNull(text("The ticket it belongs to")),
    steps: listOf("Step"),
    requestedBy: ref("Actor"),
    requestedAt: time("When it was asked for"),
    startedAt: orNull(time("When it began")),
    endedAt: orNull(time("When it ended")),
    durationMs: { type: ["number", "null"], description: "How long it took" },
    rehearsalOnly: flag("Executed on a restored copy alone: the database is not changed"),
    risk: oneOf("ordinary", "destructive"),
    ...CONSENT,
    backupId: orNull(text("The verified backup taken before the first step")),
    restoreIds: texts("Restores it caused"),
    rehearse: flag("Whether it is rehearsed first"),
    rehearsal: anything("How the rehearsal went; or null"),
    error: nullable("Failure"),
    eventIndex: INDEX,
  }),
};
