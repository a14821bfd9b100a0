/** A migration of the story, as it is posted. */
export interface StoryMigration {
  readonly version: string;
  readonly name: string;
  readonly up: string;
  readonly down?: string;
  readonly verify?: string;
  readonly allow?: { readonly rowLoss?: readonly string[] };
}

export const COMPLETIONS = 10_000;

/** Versions 1–3: how the metrics application's database came to be. */
export const FOUNDATION: readonly StoryMigration[] = [
  {
    version: "1",
    name: "create completion requests",
    up: `CREATE TABLE models (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);
CREATE TABLE completion_requests (
  id INTEGER PRIMARY KEY,
  model_id INTEGER NOT NULL REFERENCES models (id),
  requested_at TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL
);
CREATE TABLE completion_metrics (
  id INTEGER PRIMARY KEY,
  request_id INTEGER NOT NULL REFERENCES completion_requests (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value REAL NOT NULL
);
CREATE TRIGGER completion_requests_gone AFTER DELETE ON completion_requests BEGIN
  DELETE FROM completion_metrics WHERE request_id = OLD.id;
END;`,
    down: "DROP TABLE completion_metrics;\nDROP TABLE completion_requests;\nDROP TABLE models;",
  },
  {
    version: "2",
    name: "collect what was measured so far",
    up: `INSERT INTO models (name) VALUES ('small'), ('medium'), ('large');
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${COMPLETIONS})
INSERT INTO completion_requests (id, model_id, requested_at, prompt_tokens, completion_tokens)
SELECT i, 1 + i % 3, datetime(1735689600 + i * 60, 'unixepoch'), 20 + i * 7 % 900, 5 + i * 13 % 700 FROM n;
INSERT INTO completion_metrics (request_id, name, value)
SELECT id, 'latency_ms', 40 + id * 17 % 2000 FROM completion_requests
UNION ALL SELECT id, 'cost_cents', completion_tokens * 0.002 FROM completion_requests;`,
    verify: `SELECT count(*) = ${COMPLETIONS} FROM completion_requests;
SELECT count(*) = ${2 * COMPLETIONS} FROM completion_metrics;`,
  },
  {
    version: "3",
    name: "index by time and model",
    up: `CREATE INDEX completion_requests_by_time ON completion_requests (requested_at);
CREATE INDEX completion_metrics_by_request ON completion_metrics (request_id, name);`,
    down: "DROP INDEX completion_requests_by_time;\nDROP INDEX completion_metrics_by_request;",
  },
];

/** Version 4: an ordinary change. */
export const ADD_COLUMN: StoryMigration = {
  version: "4",
  name: "add user agent",
  up: "ALTER TABLE completion_requests ADD COLUMN user_agent TEXT;",
  down: "ALTER TABLE completion_requests DROP COLUMN user_agent;",
};

const rebuild = (clearFirst: string): string => `PRAGMA foreign_keys=OFF;
CREATE TABLE completion_requests_new (
  id INTEGER PRIMARY KEY,
  model_id INTEGER NOT NULL REFERENCES models (id),
  requested_at TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens >= 0),
  completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0),
  user_agent TEXT
);
INSERT INTO completion_requests_new SELECT * FROM completion_requests;
${clearFirst}DROP TABLE completion_requests;
ALTER TABLE completion_requests_new RENAME TO completion_requests;
CREATE INDEX completion_requests_by_time ON completion_requests (requested_at);
CREATE TRIGGER completion_requests_gone AFTER DELETE ON completion_requests BEGIN
  DELETE FROM completion_metrics WHERE request_id = OLD.id;
END;
PRAGMA foreign_keys=ON;`;

const NEGATIVE = { version: "5", name: "token counts cannot be negative" };

/**
 * Version 5 as first written: it empties the old table before dropping it, and a trigger takes the
 * measurements along. Every statement succeeds, and SQLite's own checks say "ok" afterwards.
 */
export const CARELESS_REBUILD: StoryMigration = {
  ...NEGATIVE,
  up: rebuild("DELETE FROM completion_requests;\n"),
};

/** Version 5 as it should be: the textbook rebuild, without the needless DELETE. */
export const CAREFUL_REBUILD: StoryMigration = { ...NEGATIVE, up: rebuild("") };

/** Version 6: fails half-way, on real rows only. */
export const HALF_WAY: StoryMigration = {
  version: "6",
  name: "one request a minute",
  up: `CREATE TABLE archive (id INTEGER PRIMARY KEY, moved_at TEXT NOT NULL);
INSERT INTO archive SELECT id, requested_at FROM completion_requests;
UPDATE completion_requests SET requested_at = substr(requested_at, 1, 13);
CREATE UNIQUE INDEX one_a_minute ON completion_requests (requested_at);`,
};
