import {
  anything,
  count,
  flag,
  listOf,
  object,
  oneOf,
  orNull,
  pagesOf,
  ref,
  text,
  time,
  uuid,
  type Schemas,
} from "./schema-words.ts";

const TABLE = {
  tool: text("Whose history it is", "flyway"),
  table: text("The tool's table", "flyway_schema_history"),
  beside: text("The file beside the database that holds it", "sqitch.db"),
  rows: count("Rows of the table"),
  dumpDigest: text("`sha256:` and hex over JCS of the rows in source order"),
};

/** What answers about adoptions look like. */
export const ADOPTION_SCHEMAS: Schemas = {
  Adoption: object(
    {
      id: orNull(uuid("Names the adoption; null if nothing was recorded")),
      database: text("The database's name", "shop"),
      outcome: oneOf("adopted", "unchanged", "undecided"),
      dryRun: flag("Nothing was recorded"),
      tables: listOf("AdoptedTable"),
      migrations: listOf("AdoptedMigration"),
      findings: listOf("Finding"),
      fingerprint: orNull(text("Of the schema as it was measured with it")),
      adoptedAt: time("When it was recorded"),
      adoptedBy: ref("Actor"),
      eventIndex: count("Index of its first event in the ledger"),
    },
    ["id", "database", "outcome", "dryRun", "tables", "migrations", "findings", "fingerprint"],
  ),
  AdoptedTable: object(
    {
      ...TABLE,
      toolVersion: text("As the table itself says"),
      decisions: anything("What was decided where the history leaves it open: version, as"),
      reason: text("Why"),
    },
    ["tool", "table", "rows", "dumpDigest"],
  ),
  AdoptedMigration: object(
    {
      tool: text("Whose history it is", "flyway"),
      table: text("The tool's table"),
      position: orNull(count("Place among the rows; null: it follows from another row")),
      version: orNull(text("Its version; null: the tool gives none")),
      name: text("Its name"),
      state: oneOf("applied", "failed", "dirty", "reverted", "skipped", "baseline", "bootstrap"),
      inForce: flag("The ledger takes the version for applied"),
      row: anything("The row verbatim; large integers and bytes as {integer} and {hex}"),
      claimed: anything("What the tool claims: at, atIs, by, byIs, author, durationMs"),
      checksum: oneOf("match", "mismatch", "absent", "algorithm-unknown", "not-compared"),
      file: oneOf("present", "missing"),
      implied: text("The version whose row says that this one was applied, too"),
      note: text("What else is to be known"),
    },
    ["tool", "table", "position", "version", "name", "state", "inForce", "checksum", "file"],
  ),
  AdoptedHistory: object(
    {
      id: uuid("The adoption that read it last"),
      ...TABLE,
      lapsed: flag("A backup from before was restored: it must be read again"),
      adoptedAt: time("When it was read"),
      adoptedBy: ref("Actor"),
      eventIndex: count("Index of the event in the ledger"),
    },
    ["id", "tool", "table", "rows", "dumpDigest", "lapsed", "adoptedAt", "adoptedBy", "eventIndex"],
  ),
  ...pagesOf("AdoptedHistory"),
};
