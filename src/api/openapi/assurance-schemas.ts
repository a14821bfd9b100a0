import {
  anything,
  count,
  listOf,
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

const ABOUT = {
  id: uuid("Names it"),
  database: text("The database's name", "shop"),
  databaseId: uuid("The database's id"),
  status: oneOf("queued", "passed", "failed", "aborted"),
  reason: orNull(text("Why it was asked for")),
  requestedBy: ref("Actor"),
  requestedAt: time("When it was asked for"),
  endedAt: orNull(time("When it ended")),
  eventIndex: count("Index of the event in the ledger"),
};

/** Scrubs and restore drills. */
export const ASSURANCE_SCHEMAS: Schemas = {
  Scrub: object({
    ...ABOUT,
    verified: texts("Backups that are as they were recorded"),
    damaged: texts("Backups that are damaged: never used again"),
    unread: anything("Backups that could not be read now, with why"),
    bytes: orNull(count("Bytes of content that were compared")),
    durationMs: { type: ["number", "null"], description: "How long it took" },
  }),
  Drill: object({
    ...ABOUT,
    backupId: orNull(text("The backup that was restored")),
    findings: listOf("Finding"),
    rows: orNull(count("Rows of all tables")),
    bytes: orNull(count("Size of what was restored")),
    restoreMs: { type: ["number", "null"], description: "How long the restore took" },
    checkMs: { type: ["number", "null"], description: "How long the full check took" },
  }),
  ...pagesOf("Scrub", "Drill"),
};
