/** The schema of a database that a ledger's tables lie in: one ledger a database. */
export const SCHEMA = "schemaledger";

/** What the tables below are. A newer version is refused, never guessed at. */
export const SCHEMA_VERSION = 1;

/**
 * The tables of a ledger, as in SQLite (src/infra/sqlite/ledger-schema.ts), with what several
 * writers need: `revision` counts what was written to the ledger, events or not. Who writes says at
 * which revision, and has the head row's lock from then on: at another one nothing is written.
 *
 * \`lease\` is no part of the ledger: who works now, and until when unless it is said again.
 *
 * Texts compare byte by byte whatever the database's locale is. Nothing here refers to another
 * table by foreign key: a look-up for every row costs more than the two questions that the triggers
 * ask for a whole statement.
 */
const TABLES = `
CREATE TABLE ledger_schema (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL
);
CREATE TABLE ledger_head (
  one       boolean PRIMARY KEY DEFAULT true CHECK (one),
  origin    text    COLLATE "C" NOT NULL,
  revision  bigint  NOT NULL,
  size      bigint  NOT NULL CHECK (size >= 0),
  frontier  bytea   NOT NULL CHECK (octet_length(frontier) % 32 = 0),
  time_high text    COLLATE "C" NOT NULL,
  time_back bigint  NOT NULL CHECK (time_back >= 0),
  sealed    text
) WITH (fillfactor = 10);
CREATE TABLE event (
  idx         bigint  PRIMARY KEY CHECK (idx >= 0),
  id          uuid    NOT NULL,
  stream      text    COLLATE "C" NOT NULL,
  stream_pos  bigint  NOT NULL CHECK (stream_pos >= 0),
  type        text    COLLATE "C" NOT NULL,
  v           integer NOT NULL,
  time        text    COLLATE "C" NOT NULL,
  actor       text    COLLATE "C" NOT NULL,
  actor_kind  text    COLLATE "C" NOT NULL,
  correlation text    COLLATE "C" NOT NULL,
  causation   text    COLLATE "C",
  leaf        bytea   NOT NULL CHECK (octet_length(leaf) <= 65535),
  leaf_hash   bytea   NOT NULL CHECK (octet_length(leaf_hash) = 32)
);
CREATE UNIQUE INDEX event_by_id     ON event (id);
CREATE UNIQUE INDEX event_by_stream ON event (stream, stream_pos);
CREATE INDEX event_by_correlation   ON event (correlation, idx);
CREATE INDEX event_by_type          ON event (type, idx);
CREATE INDEX event_by_actor         ON event (actor, idx);
CREATE INDEX event_by_time          ON event (time, idx);
CREATE TABLE payload (
  idx          bigint PRIMARY KEY,
  salt         bytea,
  data         text COLLATE "C",
  erased_at    text,
  erase_reason text,
  CHECK ((salt IS NULL) = (data IS NULL)),
  CHECK ((data IS NULL) = (erased_at IS NOT NULL)),
  CHECK ((erased_at IS NULL) = (erase_reason IS NULL))
);
CREATE TABLE content (digest text COLLATE "C" PRIMARY KEY, text text NOT NULL);
CREATE TABLE idem (
  key          text COLLATE "C" PRIMARY KEY,
  request_hash text NOT NULL,
  first_idx    bigint,
  last_idx     bigint,
  answer       text,
  CHECK ((first_idx IS NULL) = (last_idx IS NULL))
) WITH (fillfactor = 70);
CREATE TABLE once_key (
  key       text COLLATE "C" PRIMARY KEY,
  first_idx bigint,
  last_idx  bigint,
  CHECK ((first_idx IS NULL) = (last_idx IS NULL))
);
CREATE TABLE checkpoint (
  size       bigint PRIMARY KEY,
  root       bytea NOT NULL CHECK (octet_length(root) = 32),
  note       text NOT NULL,
  created_at text NOT NULL
);
CREATE TABLE lease (
  name       text PRIMARY KEY,
  holder     text NOT NULL,
  url        text,
  token      bigint NOT NULL,
  expires_at timestamptz NOT NULL
);
`;

/**
 * The second wall behind the privileges: what no writer of a ledger ever does is refused to owners
 * as well, and also where triggers are switched off for replication (ALWAYS). The head only follows
 * the events, and events only come with their head: both are looked at when the statement is over.
 */
const GUARDS = `
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append-only: % of % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '23514';
END $$;
CREATE FUNCTION ledger_head_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.origin <> OLD.origin OR NEW.size < OLD.size OR NEW.revision <= OLD.revision
    OR NEW.time_high < OLD.time_high OR NEW.time_back < OLD.time_back
    OR (NEW.size > OLD.size AND OLD.sealed IS NOT NULL) THEN
    RAISE EXCEPTION 'append-only: the head only follows the events' USING ERRCODE = '23514';
  END IF;
  IF NEW.size > OLD.size AND (
    (SELECT count(*) FROM SCHEMA.event WHERE idx >= OLD.size AND idx < NEW.size) <> NEW.size - OLD.size
    OR (SELECT count(*) FROM SCHEMA.payload WHERE idx >= OLD.size AND idx < NEW.size) <> NEW.size - OLD.size
  ) THEN
    RAISE EXCEPTION 'append-only: the head only follows the events' USING ERRCODE = '23514';
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION ledger_event_contiguous() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT size FROM SCHEMA.ledger_head) IS DISTINCT FROM
    coalesce((SELECT idx + 1 FROM SCHEMA.event ORDER BY idx DESC LIMIT 1), 0) THEN
    RAISE EXCEPTION 'append-only: an event comes with its head' USING ERRCODE = '23514';
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION ledger_payload_erase_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.idx <> OLD.idx OR NEW.salt IS NOT NULL OR NEW.data IS NOT NULL OR OLD.erased_at IS NOT NULL THEN
    RAISE EXCEPTION 'append-only: a payload can only be erased' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION ledger_answer_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.key <> OLD.key OR NEW.request_hash <> OLD.request_hash
    OR NEW.first_idx IS DISTINCT FROM OLD.first_idx OR NEW.last_idx IS DISTINCT FROM OLD.last_idx
    OR OLD.answer IS NOT NULL OR NEW.answer IS NULL THEN
    RAISE EXCEPTION 'append-only: an answer is given once' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER grows AFTER UPDATE ON ledger_head FOR EACH ROW EXECUTE FUNCTION ledger_head_grows();
CREATE TRIGGER contiguous AFTER INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION ledger_event_contiguous();
CREATE TRIGGER erase_only BEFORE UPDATE ON payload FOR EACH ROW EXECUTE FUNCTION ledger_payload_erase_only();
CREATE TRIGGER answer_once BEFORE UPDATE ON idem FOR EACH ROW EXECUTE FUNCTION ledger_answer_once();
ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER grows;
ALTER TABLE event ENABLE ALWAYS TRIGGER contiguous;
ALTER TABLE payload ENABLE ALWAYS TRIGGER erase_only;
ALTER TABLE idem ENABLE ALWAYS TRIGGER answer_once;
`;

/** What is refused of which table, whoever asks. */
const REFUSED: Readonly<Record<string, string>> = {
  ledger_schema: "DELETE OR TRUNCATE",
  ledger_head: "DELETE OR TRUNCATE",
  event: "UPDATE OR DELETE OR TRUNCATE",
  payload: "DELETE OR TRUNCATE",
  content: "UPDATE OR DELETE OR TRUNCATE",
  idem: "DELETE OR TRUNCATE",
  once_key: "UPDATE OR DELETE OR TRUNCATE",
  checkpoint: "UPDATE OR DELETE OR TRUNCATE",
};

const refusals = Object.entries(REFUSED)
  .map(
    ([table, what]) =>
      `CREATE TRIGGER append_only BEFORE ${what} ON ${table}
         FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
       ALTER TABLE ${table} ENABLE ALWAYS TRIGGER append_only;`,
  )
  .join("\n");

/** From one version to the next, in order: the first from nothing to version 1. */
export const UPGRADES: readonly string[] = [
  `SET LOCAL search_path = ${SCHEMA};\n${TABLES}${GUARDS.replaceAll("SCHEMA.", `${SCHEMA}.`)}${refusals}
INSERT INTO ledger_schema (version) VALUES (1);`,
];

/**
 * What a service's role is given that does not own the tables: no UPDATE, DELETE or TRUNCATE of
 * events, and of the other tables no more than what is written once.
 */
export const GRANTS: readonly string[] = [
  `GRANT USAGE ON SCHEMA ${SCHEMA} TO ROLE`,
  `GRANT SELECT ON ALL TABLES IN SCHEMA ${SCHEMA} TO ROLE`,
  // A ledger has one head: it is inserted by who first opens the ledger under a name.
  `GRANT INSERT ON ${[
    "ledger_head",
    "event",
    "payload",
    "content",
    "idem",
    "once_key",
    "checkpoint",
  ]
    .map((table) => `${SCHEMA}.${table}`)
    .join(", ")} TO ROLE`,
  `GRANT UPDATE (revision, size, frontier, time_high, time_back, sealed) ON ${SCHEMA}.ledger_head TO ROLE`,
  `GRANT INSERT, UPDATE ON ${SCHEMA}.lease TO ROLE`,
  `GRANT UPDATE (answer) ON ${SCHEMA}.idem TO ROLE`,
  `GRANT UPDATE (salt, data, erased_at, erase_reason) ON ${SCHEMA}.payload TO ROLE`,
];
