/** `PRAGMA application_id` of a ledger file: "SLed". */
export const LEDGER_APPLICATION_ID = 0x534c6564;

/** `PRAGMA user_version`: the schema below. A newer one is refused, never guessed at. */
export const LEDGER_SCHEMA_VERSION = 1;

/**
 * The tables of a ledger. The columns of `event` beside `leaf` are a search copy, which
 * verification compares with the leaf. An index on (type) is in effect one on (type, idx): SQLite
 * ends every index entry with the row's id, and the id is `idx`.
 *
 * The payload (salt, data) lies apart from its event: erasure and retention rewrite that table
 * alone, and of an event nothing is ever updated.
 *
 * `prev` keeps the indexes gapless: an event needs the one before it.
 *
 * What a failing INSERT of several rows has to undo, SQLite journals first: every page once more.
 * So nothing here can fail halfway. References are checked at COMMIT; `event` and `payload` call
 * no function, which might fail; what needs one, the trigger of the head sees to for the new
 * events (appends in bulk take a third less time, measured).
 *
 * The head row is written in every transaction that appends: `frontier` is that of the Merkle tree
 * over exactly `size` events, and an opened file whose head and events differ is refused. Its
 * trigger says ROLLBACK: for an ABORT SQLite would journal the update for its undoing each time.
 *
 * `time_high` is the latest time of any event, `time_back` by how many milliseconds an event was
 * ever earlier than one before it (a clock set back). With it, a bound on time becomes an exact
 * bound on the index (ledger-reader.ts).
 */
export const LEDGER_SCHEMA = `
CREATE TABLE ledger_head (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  origin    TEXT    NOT NULL,
  size      INTEGER NOT NULL CHECK (size >= 0),
  frontier  BLOB    NOT NULL CHECK (length(frontier) % 32 = 0),
  time_high TEXT    NOT NULL,
  time_back INTEGER NOT NULL CHECK (time_back >= 0)
) STRICT;
CREATE TABLE event (
  idx         INTEGER PRIMARY KEY CHECK (idx >= 0),
  id          TEXT    NOT NULL,
  stream      TEXT    NOT NULL,
  stream_pos  INTEGER NOT NULL,
  type        TEXT    NOT NULL,
  v           INTEGER NOT NULL,
  time        TEXT    NOT NULL,
  actor       TEXT    NOT NULL,
  actor_kind  TEXT    NOT NULL,
  correlation TEXT    NOT NULL,
  causation   TEXT,
  leaf        BLOB    NOT NULL,
  leaf_hash   BLOB    NOT NULL,
  prev        INTEGER GENERATED ALWAYS AS (CASE WHEN idx > 0 THEN idx - 1 END)
              REFERENCES event (idx) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE UNIQUE INDEX event_by_id     ON event (id);
CREATE UNIQUE INDEX event_by_stream ON event (stream, stream_pos);
CREATE INDEX event_by_correlation   ON event (correlation);
CREATE INDEX event_by_type          ON event (type);
CREATE INDEX event_by_actor         ON event (actor);
CREATE INDEX event_by_time          ON event (time);
CREATE TABLE payload (
  idx          INTEGER PRIMARY KEY REFERENCES event (idx) DEFERRABLE INITIALLY DEFERRED,
  salt         BLOB,
  data         TEXT,
  erased_at    TEXT,
  erase_reason TEXT,
  CHECK ((salt IS NULL) = (data IS NULL)),
  CHECK ((data IS NULL) = (erased_at IS NOT NULL)),
  CHECK ((erased_at IS NULL) = (erase_reason IS NULL))
) STRICT;
CREATE TABLE content (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE idem (
  key          TEXT PRIMARY KEY,
  request_hash TEXT NOT NULL,
  first_idx    INTEGER,
  last_idx     INTEGER,
  answer       TEXT,
  CHECK ((first_idx IS NULL) = (last_idx IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE once_key (
  key       TEXT PRIMARY KEY,
  first_idx INTEGER,
  last_idx  INTEGER,
  CHECK ((first_idx IS NULL) = (last_idx IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
  size       INTEGER PRIMARY KEY,
  root       BLOB NOT NULL CHECK (length(root) = 32),
  note       TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head
  BEGIN SELECT RAISE(ABORT, 'append-only: the head stays'); END;
CREATE TRIGGER ledger_head_grows BEFORE UPDATE ON ledger_head
  WHEN NEW.size < OLD.size OR NEW.origin IS NOT OLD.origin OR NEW.one IS NOT OLD.one
    OR NEW.time_high < OLD.time_high OR NEW.time_back < OLD.time_back
    OR NEW.size IS NOT coalesce((SELECT idx + 1 FROM event ORDER BY idx DESC LIMIT 1), 0)
    OR EXISTS (SELECT 1 FROM event
      WHERE idx >= OLD.size AND (length(leaf) > 65535 OR length(leaf_hash) <> 32))
  BEGIN SELECT RAISE(ROLLBACK, 'append-only: the head only follows the events'); END;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER payload_erase_only BEFORE UPDATE ON payload
  WHEN NEW.idx IS NOT OLD.idx OR NEW.salt IS NOT NULL OR NEW.data IS NOT NULL
    OR OLD.erased_at IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'append-only: a payload can only be erased'); END;
CREATE TRIGGER payload_no_delete BEFORE DELETE ON payload
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER content_no_update BEFORE UPDATE ON content
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER content_no_delete BEFORE DELETE ON content
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER idem_answer_once BEFORE UPDATE ON idem
  WHEN NEW.key IS NOT OLD.key OR NEW.request_hash IS NOT OLD.request_hash
    OR NEW.first_idx IS NOT OLD.first_idx OR NEW.last_idx IS NOT OLD.last_idx
    OR OLD.answer IS NOT NULL OR NEW.answer IS NULL
  BEGIN SELECT RAISE(ABORT, 'append-only: an answer is given once'); END;
CREATE TRIGGER idem_no_delete BEFORE DELETE ON idem
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER once_key_no_update BEFORE UPDATE ON once_key
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER once_key_no_delete BEFORE DELETE ON once_key
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
`;
