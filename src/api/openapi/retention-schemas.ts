import {
  anything,
  count,
  flag,
  nullable,
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

const INDEX = count("Index of the event in the ledger");

/** Retention, prunes and legal holds. */
export const RETENTION_SCHEMAS: Schemas = {
  Retention: object(
    {
      keepLast: count("The newest backups"),
      daily: count("The newest of each of so many days (UTC) that have one"),
      weekly: count("The same of ISO weeks"),
      monthly: count("The same of months"),
      minVerified: count("Verified ones that are kept in any case; 1 if absent"),
      legalHold: flag("Nothing is pruned"),
      cleanupAfterSuccess: flag("Prune after each run that succeeded"),
    },
    [],
  ),
  Prune: object({
    id: uuid("Names the prune"),
    database: text("The database's name", "shop"),
    databaseId: uuid("The database's id"),
    status: oneOf("queued", "running", "succeeded", "failed"),
    reason: text("Why it was asked for"),
    runId: orNull(text("The run after which it cleaned up")),
    intended: anything("Backups that the intent names, each with the rule"),
    pruned: texts("Backups that are gone"),
    spared: texts("Backups that were kept after all"),
    freedBytes: count("Bytes that the store has less"),
    requestedBy: ref("Actor"),
    requestedAt: time("When it was asked for"),
    endedAt: orNull(time("When it ended")),
    durationMs: { type: ["number", "null"], description: "How long it took" },
    error: nullable("Failure"),
    eventIndex: INDEX,
  }),
  PrunePlan: object({
    dryRun: flag("Nothing was done"),
    kept: count("Backups that stay"),
    pruned: count("Backups that would go"),
    storedBytes: count("What those have in the store, shared parts included"),
    items: {
      type: "array",
      items: { type: "object" },
      description: "Each backup in the store with `action` (keep, prune) and `because`",
    },
  }),
  LegalHold: object({
    id: uuid("Names the hold"),
    backupId: orNull(text("The backup it keeps; null = all of the database")),
    reason: text("Why it was placed"),
    placedBy: ref("Actor"),
    placedAt: time("When it was placed"),
    eventIndex: INDEX,
  }),
  ...pagesOf("Prune", "LegalHold"),
};
