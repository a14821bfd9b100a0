/*
 * Histories as other tools leave them in SQLite: the tables with the columns that each tool makes, and
 * rows that it writes. `says` is what a careful reader makes of them, row by row:
 * version, state, in force, claimed time, claimed by.
 */

export type Said = readonly [
  version: string | null,
  state: string,
  inForce: boolean,
  at?: string,
  by?: string,
];

export interface ToolHistory {
  readonly tool: string;
  readonly sql: string;
  readonly says: readonly Said[];
  /** Codes of the findings that keep it from being adopted. */
  readonly open?: readonly string[];
}

const FLYWAY = `CREATE TABLE "flyway_schema_history" ("installed_rank" INT NOT NULL PRIMARY KEY,
  "version" VARCHAR(50), "description" VARCHAR(200) NOT NULL, "type" VARCHAR(20) NOT NULL,
  "script" VARCHAR(1000) NOT NULL, "checksum" INT, "installed_by" VARCHAR(100) NOT NULL,
  "installed_on" TEXT NOT NULL, "execution_time" INT NOT NULL, "success" BOOLEAN NOT NULL);
  CREATE INDEX "flyway_schema_history_s_idx" ON "flyway_schema_history" ("success");`;

const LIQUIBASE = `CREATE TABLE DATABASECHANGELOG (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL,
  FILENAME VARCHAR(255) NOT NULL, DATEEXECUTED TEXT NOT NULL, ORDEREXECUTED INTEGER NOT NULL,
  EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35), DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255),
  TAG VARCHAR(255), LIQUIBASE VARCHAR(20), CONTEXTS VARCHAR(255), LABELS VARCHAR(255),
  DEPLOYMENT_ID VARCHAR(10));
  CREATE TABLE DATABASECHANGELOGLOCK (ID INTEGER PRIMARY KEY, LOCKED BOOLEAN NOT NULL,
  LOCKGRANTED TEXT, LOCKEDBY VARCHAR(255));
  INSERT INTO DATABASECHANGELOG VALUES
    ('1', 'alice', 'cl.sql', '2026-11-22 13:24:34', 1, 'EXECUTED',
     '9:4b05818e9ce9fb1984b2e83964974f21', 'sql', 'users table', NULL, '4.28.0', 'all', 'core', 'd1'),
    ('2', 'bob', 'cl.sql', '2026-11-22 13:24:34', 2, 'EXECUTED',
     '9:eec9b108df5902257fa359e76dfe6d4a', 'sql', '', NULL, '4.28.0', NULL, NULL, 'd1');`;

const PRISMA = `CREATE TABLE "_prisma_migrations" ("id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL,
  "finished_at" DATETIME, "migration_name" TEXT NOT NULL, "logs" TEXT, "rolled_back_at" DATETIME,
  "started_at" DATETIME NOT NULL, "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0);`;

const SAMPLE_SHA = "f2bd6eef9b78224cf548415cab224cd02c2480c6c01d0fd48cd5711fe3811806";

const SCHEMA_MIGRATIONS = "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);";

const SQITCH = `CREATE TABLE releases (version FLOAT PRIMARY KEY, installed_at DATETIME, installer_name TEXT, installer_email TEXT);
  INSERT INTO releases VALUES (1.1, '2026-11-22 13:21:32.956', 'Ops', 'ops@example.org');
  CREATE TABLE projects (project TEXT PRIMARY KEY, uri TEXT, created_at DATETIME, creator_name TEXT, creator_email TEXT);
  CREATE TABLE changes (change_id TEXT PRIMARY KEY, script_hash TEXT, change TEXT NOT NULL, project TEXT, note TEXT,
    committed_at DATETIME, committer_name TEXT, committer_email TEXT, planned_at DATETIME, planner_name TEXT, planner_email TEXT);
  CREATE TABLE tags (tag_id TEXT PRIMARY KEY, tag TEXT, project TEXT, change_id TEXT, note TEXT);
  CREATE TABLE dependencies (change_id TEXT, type TEXT, dependency TEXT, dependency_id TEXT);
  CREATE TABLE events (event TEXT NOT NULL CHECK (event IN ('deploy', 'revert', 'fail', 'merge')),
    change_id TEXT NOT NULL, change TEXT NOT NULL, project TEXT, note TEXT, requires TEXT, conflicts TEXT, tags TEXT,
    committed_at DATETIME, committer_name TEXT, committer_email TEXT, planned_at DATETIME, planner_name TEXT,
    planner_email TEXT, PRIMARY KEY (change_id, committed_at));`;

const sqitchEvent = (event: string, change: string, at: string): string =>
  `INSERT INTO events VALUES ('${event}', 'id-${change}', '${change}', 'flipr', 'Add ${change}.', '', '', '',
    '2026-11-22 13:21:${at}', 'Ops', 'ops@example.org', '2026-11-22 13:21:31', 'Plan', 'plan@example.org');`;

const SQITCH_BY = "Ops <ops@example.org>";

/** One of each tool, and what tells look-alikes apart. */
export const HISTORIES: { readonly [name: string]: ToolHistory } = {
  alembic: {
    tool: "alembic",
    sql: `CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
      INSERT INTO alembic_version VALUES ('69c38b201a32');`,
    says: [["69c38b201a32", "applied", true]],
  },
  dbmate: {
    tool: "dbmate",
    sql: `${SCHEMA_MIGRATIONS} INSERT INTO schema_migrations VALUES ('20240101000001');`,
    says: [["20240101000001", "applied", true]],
  },
  "drizzle 0.x": {
    tool: "drizzle",
    sql: `CREATE TABLE "__drizzle_migrations" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric);
      INSERT INTO __drizzle_migrations VALUES
        (NULL, 'fa843713f300ad255a8a389414c7348befa1f3292c0e3246f436df14e38b0e9b', 1700000001000),
        (NULL, '86250b11efa701a77036c72d3870ca418d6fac3c49db67a0bc1b4637dbdaf2a6', 1700000000000);`,
    says: [
      ["1700000000000", "applied", true, "2023-11-14T22:13:20.000Z"],
      ["1700000001000", "applied", true, "2023-11-14T22:13:21.000Z"],
    ],
  },
  "drizzle 1.x": {
    tool: "drizzle",
    sql: `CREATE TABLE "__drizzle_migrations" (id INTEGER PRIMARY KEY, hash text NOT NULL, created_at numeric, name text, applied_at TEXT);
      INSERT INTO __drizzle_migrations VALUES (1, 'aa', 1700000000000, '20231114221320_init', '2026-02-03T04:05:06.000Z');`,
    says: [["20231114221320", "applied", true, "2026-02-03T04:05:06.000Z"]],
  },
  flyway: {
    tool: "flyway",
    sql: `${FLYWAY} INSERT INTO flyway_schema_history VALUES
      (1, '1', 'init', 'SQL', 'V1__init.sql', -734861040, '', '2024-01-01 00:00:00.000', 12, 1),
      (2, NULL, 'views', 'SQL', 'R__views.sql', 1869319655, '', '2024-01-01 00:00:01.000', 3, 1),
      (3, '2', 'bad', 'SQL', 'V2__bad.sql', -285666519, '', '2024-01-02 00:00:00.000', 3, 0);`,
    says: [
      ["1", "applied", true, "2024-01-01T00:00:00.000Z"],
      [null, "applied", false, "2024-01-01T00:00:01.000Z"],
      ["2", "failed", false, "2024-01-02T00:00:00.000Z"],
    ],
    open: ["history-unsettled"],
  },
  "flyway with a baseline and an undone version": {
    tool: "flyway",
    sql: `${FLYWAY.replaceAll("flyway_schema_history", "schema_version")} INSERT INTO schema_version VALUES
      (0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', '"main"', NULL, 'sa', '2024-01-01 00:00:00.000', 0, 1),
      (1, '1.2', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', NULL, 'sa', '2024-01-01 00:00:00.000', 0, 1),
      (2, '2', 'x', 'SQL', 'V2__x.sql', 1, 'sa', '2024-01-02 00:00:00.000', 1, 1),
      (3, '2', 'x', 'DELETE', 'V2__x.sql', 1, 'sa', '2024-01-03 00:00:00.000', 0, 1);`,
    says: [
      ["1.2", "baseline", true, "2024-01-01T00:00:00.000Z", "sa"],
      ["2", "applied", false, "2024-01-02T00:00:00.000Z", "sa"],
      ["2", "reverted", false, "2024-01-03T00:00:00.000Z", "sa"],
    ],
  },
  "golang-migrate": {
    tool: "golang-migrate",
    sql: `CREATE TABLE schema_migrations (version uint64, dirty bool);
      CREATE UNIQUE INDEX version_unique ON schema_migrations (version);
      INSERT INTO schema_migrations VALUES (20240102000001, 1);`,
    says: [["20240102000001", "dirty", false]],
    open: ["history-unsettled", "files-needed"],
  },
  goose: {
    tool: "goose",
    sql: `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
        is_applied INTEGER NOT NULL, tstamp TIMESTAMP);
      INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES
        (0, 1, '2024-01-01 00:00:00'), (20240101000001, 1, '2024-01-01 00:00:01'),
        (20240102000001, 1, '2024-01-02 00:00:00'), (20240102000001, 0, '2024-01-03 00:00:00');`,
    says: [
      ["0", "bootstrap", false, "2024-01-01T00:00:00Z"],
      ["20240101000001", "applied", true, "2024-01-01T00:00:01Z"],
      ["20240102000001", "applied", false, "2024-01-02T00:00:00Z"],
      ["20240102000001", "reverted", false, "2024-01-03T00:00:00Z"],
    ],
  },
  knex: {
    tool: "knex",
    sql: `CREATE TABLE knex_migrations (id integer not null primary key autoincrement, name varchar(255), batch integer, migration_time datetime);
      INSERT INTO knex_migrations VALUES (1, '20240101000001_init.js', 1, 1795353682138);
      CREATE TABLE knex_migrations_lock ("index" integer not null primary key autoincrement, is_locked integer);
      INSERT INTO knex_migrations_lock VALUES (2, 0);`,
    says: [["20240101000001", "applied", true, "2026-11-22T13:21:22.138Z"]],
  },
  "knex with a lock that was left behind": {
    tool: "knex",
    sql: `CREATE TABLE migrations (id integer primary key, name varchar(255), batch integer, migration_time datetime);
      INSERT INTO migrations VALUES (1, 'first.js', 1, NULL);
      CREATE TABLE migrations_lock ("index" integer primary key, is_locked integer);
      INSERT INTO migrations_lock VALUES (1, 1);`,
    says: [["first", "applied", true]],
    open: ["history-locked"],
  },
  liquibase: {
    tool: "liquibase",
    sql: LIQUIBASE,
    says: [
      ["1-alice-1", "applied", true, "2026-11-22T13:24:34"],
      ["2-bob-2", "applied", true, "2026-11-22T13:24:34"],
    ],
  },
  "liquibase, killed in the middle": {
    tool: "liquibase",
    sql: `${LIQUIBASE} INSERT INTO DATABASECHANGELOGLOCK VALUES (1, 1, '2026-11-22 13:30:00', 'build (10.0.0.7)');
      UPDATE DATABASECHANGELOG SET EXECTYPE = 'SKIPPED' WHERE ID = '2';`,
    says: [
      ["1-alice-1", "applied", true, "2026-11-22T13:24:34"],
      ["2-bob-2", "skipped", false, "2026-11-22T13:24:34"],
    ],
    open: ["history-locked"],
  },
  prisma: {
    tool: "prisma",
    sql: `${PRISMA} INSERT INTO _prisma_migrations VALUES
      ('a', '${SAMPLE_SHA}', 1759612912490, '20240101000001_init', NULL, NULL, 1759612912474, 1),
      ('b', '${SAMPLE_SHA}', NULL, '20240102000001_bad', 'error text', NULL, 1759612912493, 0);`,
    says: [
      ["20240101000001", "applied", true, "2025-10-04T21:21:52.490Z"],
      ["20240102000001", "failed", false, "2025-10-04T21:21:52.493Z"],
    ],
    open: ["history-unsettled"],
  },
  "prisma, resolved and run again": {
    tool: "prisma",
    sql: `${PRISMA} INSERT INTO _prisma_migrations VALUES
      ('b', 'x', NULL, '20240102000001_bad', 'error text', 1759612920000, 1759612912493, 0),
      ('c', 'y', 1759612930000, '20240102000001_bad', NULL, NULL, 1759612929000, 1);`,
    says: [
      ["20240102000001", "reverted", false, "2025-10-04T21:21:52.493Z"],
      ["20240102000001", "applied", true, "2025-10-04T21:22:10.000Z"],
    ],
  },
  "prisma 8": {
    tool: "prisma-8",
    sql: `CREATE TABLE _prisma_ledger (id INTEGER PRIMARY KEY, space TEXT, migration_name TEXT, migration_hash TEXT,
        origin_core_hash TEXT, destination_core_hash TEXT, operations TEXT, created_at TEXT);
      INSERT INTO _prisma_ledger VALUES (1, 'default', '20260101_init', 'h', NULL, 'd', '[]', '2026-01-01T00:00:00.000Z');`,
    says: [["20260101", "applied", true, "2026-01-01T00:00:00.000Z"]],
  },
  rails: {
    tool: "rails",
    sql: `CREATE TABLE "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY);
      CREATE TABLE "ar_internal_metadata" ("key" varchar NOT NULL PRIMARY KEY, "value" varchar, "created_at" datetime(6), "updated_at" datetime(6));
      INSERT INTO schema_migrations VALUES ('20240101000001');
      INSERT INTO ar_internal_metadata VALUES ('environment', 'production', '2024-01-01', '2024-01-01');`,
    says: [["20240101000001", "applied", true]],
  },
  "sqitch, everything undone": {
    tool: "sqitch",
    sql: [
      SQITCH,
      sqitchEvent("deploy", "users", "33.012"),
      sqitchEvent("fail", "posts", "33.057"),
      sqitchEvent("revert", "users", "33.125"),
    ].join("\n"),
    says: [
      ["users", "applied", false, "2026-11-22T13:21:33.012Z", SQITCH_BY],
      ["posts", "failed", false, "2026-11-22T13:21:33.057Z", SQITCH_BY],
      ["users", "reverted", false, "2026-11-22T13:21:33.125Z", SQITCH_BY],
    ],
    open: ["history-unsettled"],
  },
  "sqitch, whose tables disagree": {
    tool: "sqitch",
    sql: `${SQITCH} ${sqitchEvent("deploy", "users", "33.012")}`,
    says: [["users", "applied", true, "2026-11-22T13:21:33.012Z", SQITCH_BY]],
    open: ["history-damaged"],
  },
  atlas: {
    tool: "atlas",
    sql: `CREATE TABLE atlas_schema_revisions (version TEXT PRIMARY KEY, description TEXT, type INTEGER, applied INTEGER,
        total INTEGER, executed_at datetime, execution_time INTEGER, error TEXT, error_stmt TEXT, hash TEXT,
        partial_hashes TEXT, operator_version TEXT);
      INSERT INTO atlas_schema_revisions VALUES
        ('1', 'a', 1, 0, 0, '2024-01-01 00:00:00+00:00', 0, NULL, NULL, '', NULL, 'Atlas CLI v1'),
        ('2', 'b', 2, 3, 3, '2024-01-02 00:00:00+00:00', 2500000, '', '', 'h1:x', NULL, 'Atlas CLI v1'),
        ('3', 'c', 2, 1, 3, '2024-01-03 00:00:00+00:00', 1, 'no such table', 'DROP', 'h1:y', '["p"]', 'Atlas CLI v1');`,
    says: [
      ["1", "baseline", true, "2024-01-01T00:00:00+00:00"],
      ["2", "applied", true, "2024-01-02T00:00:00+00:00"],
      ["3", "failed", false, "2024-01-03T00:00:00+00:00"],
    ],
    open: ["history-unsettled"],
  },
  umzug: {
    tool: "umzug",
    sql: `CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL PRIMARY KEY);
      INSERT INTO SequelizeMeta VALUES ('20240101000001-create-users.js');`,
    says: [["20240101000001", "applied", true]],
  },
  "node-pg-migrate": {
    tool: "node-pg-migrate",
    sql: `CREATE TABLE pgmigrations (id INTEGER PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
      INSERT INTO pgmigrations VALUES (1, '1700000000000_init', '2024-01-01 00:00:00');`,
    says: [["1700000000000", "applied", true, "2024-01-01T00:00:00"]],
  },
  d1: {
    tool: "d1",
    sql: `CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP NOT NULL);
      INSERT INTO d1_migrations VALUES (1, '0001_init.sql', '2024-01-01 00:00:00');`,
    says: [["0001", "applied", true, "2024-01-01T00:00:00Z"]],
  },
  django: {
    tool: "django",
    sql: `CREATE TABLE django_migrations (id integer PRIMARY KEY, app varchar(255), name varchar(255), applied datetime);
      INSERT INTO django_migrations VALUES (1, 'auth', '0001_initial', '2024-01-01 00:00:00.123456');`,
    says: [["auth.0001_initial", "applied", true, "2024-01-01T00:00:00.123456"]],
  },
  "ef core": {
    tool: "ef-core",
    sql: `CREATE TABLE "__EFMigrationsHistory" ("MigrationId" TEXT PRIMARY KEY, "ProductVersion" TEXT NOT NULL);
      INSERT INTO "__EFMigrationsHistory" VALUES ('20240101000001_Init', '9.0.0');`,
    says: [["20240101000001", "applied", true]],
  },
  diesel: {
    tool: "diesel",
    sql: `CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, run_on TIMESTAMP NOT NULL);
      INSERT INTO __diesel_schema_migrations VALUES ('20240101000001', '2024-01-01 00:00:00');`,
    says: [["20240101000001", "applied", true, "2024-01-01T00:00:00Z"]],
  },
  sqlx: {
    tool: "sqlx",
    sql: `CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL,
        success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
      INSERT INTO _sqlx_migrations VALUES (1, 'init', '2024-01-01 00:00:00', 1, x'00ff', 1500000);`,
    says: [["1", "applied", true, "2024-01-01T00:00:00Z"]],
  },
};

/** Tables that are called or shaped like a history and are none, or cannot be read as one. */
export const NO_HISTORIES: {
  readonly [name: string]: { readonly sql: string; readonly code: string | null };
} = {
  "an application's tables events, projects and tags": {
    sql: `CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE projects (id INTEGER PRIMARY KEY);
      CREATE TABLE tags (id INTEGER PRIMARY KEY);`,
    code: null,
  },
  "an application's table of names and times": {
    sql: "CREATE TABLE discounts (id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at TEXT);",
    code: null,
  },
  "Ecto's schema_migrations": {
    sql: "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, inserted_at TEXT);",
    code: "history-look-alike",
  },
  "schema_migrations with columns of somebody's own": {
    sql: "CREATE TABLE schema_migrations (version TEXT, dirty INTEGER, who TEXT);",
    code: "history-look-alike",
  },
  "a view that is called like a history": {
    sql: "CREATE TABLE v (version TEXT); CREATE VIEW schema_migrations AS SELECT version FROM v;",
    code: null,
  },
};

/** Histories that somebody damaged. */
export const DAMAGED: { readonly [name: string]: string } = {
  "a row without version":
    "CREATE TABLE schema_migrations (version varchar(128)); INSERT INTO schema_migrations VALUES ('1'), (NULL);",
  "two rows of golang-migrate":
    "CREATE TABLE schema_migrations (version uint64, dirty bool); INSERT INTO schema_migrations VALUES (1, 0), (2, 0);",
  "a row of Flyway without script": `${FLYWAY.replaceAll(" NOT NULL", "")} INSERT INTO flyway_schema_history VALUES (1, '1', 'x', 'SQL', NULL, 1, '', '2024-01-01 00:00:00', 1, 1);`,
};
