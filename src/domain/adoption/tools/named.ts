import type { Finding } from "../../migration/events.ts";
import { claimedTime } from "../claimed-time.ts";
import { fold, rowsOf, type FoundHistory, type Row } from "../history-table.ts";
import { fromFileName, versionFrom } from "../names.ts";
import {
  atLeast,
  lastDecides,
  only,
  type HistoryTool,
  type ReadRow,
  type Reading,
} from "../reading.ts";

/* Tools whose rows hold the migration's name and at most a time. */

interface NamedColumns {
  readonly name: string;
  readonly time?: string;
  readonly zone?: "utc" | "unknown";
}

const readNamed = ({ table }: FoundHistory, columns: NamedColumns): Reading => ({
  rows: lastDecides(rowsOf(table).map((row) => namedRow(row, columns))),
  findings: [],
});

function namedRow(
  row: Row,
  { name, time, zone = "unknown" }: NamedColumns,
): Omit<ReadRow, "decides"> {
  const file = row.text(name) ?? "";
  const at = time === undefined ? undefined : claimedTime(row.text(time), zone);
  return {
    row,
    ...fromFileName(file),
    state: "applied",
    claimed: at === undefined ? {} : { at, atIs: "run" },
    file: { name: file },
  };
}

export const knex: HistoryTool = {
  name: "knex",
  needed: ["name"],
  title: "Knex",
  usualNames: ["knex_migrations"],
  byColumns: true,
  fits: atLeast("name", "batch", "migration_time"),
  companions: (table) => [`${table}_lock`],
  read: (history) => ({
    ...readNamed(history, { name: "name", time: "migration_time", zone: "utc" }),
    findings: history.companions
      .flatMap(rowsOf)
      .filter((row) => row.flag("is_locked"))
      .map(() => knexLocked),
  }),
};

const knexLocked: Finding = {
  severity: "error",
  code: "history-locked",
  message: "Knex's lock is taken: another run may be active, or one was killed",
  hint: "Make sure that no Knex runs, then adopt with --confirm-unlocked and a reason",
};

export const umzug: HistoryTool = {
  name: "umzug",
  needed: ["name"],
  title: "Umzug or Sequelize",
  usualNames: ["sequelizemeta"],
  byColumns: false,
  fits: atLeast("name"),
  read: (history) => readNamed(history, { name: "name" }),
};

export const nodePgMigrate: HistoryTool = {
  name: "node-pg-migrate",
  needed: ["name"],
  title: "node-pg-migrate",
  usualNames: ["pgmigrations"],
  byColumns: false,
  fits: only("id", "name", "run_on"),
  read: (history) => readNamed(history, { name: "name", time: "run_on" }),
};

export const d1: HistoryTool = {
  name: "d1",
  needed: ["name"],
  title: "D1 (wrangler)",
  usualNames: ["d1_migrations"],
  byColumns: false,
  fits: only("id", "name", "applied_at"),
  read: (history) => readNamed(history, { name: "name", time: "applied_at", zone: "utc" }),
};

export const efCore: HistoryTool = {
  name: "ef-core",
  needed: ["migrationid"],
  title: "EF Core",
  usualNames: ["__efmigrationshistory"],
  byColumns: true,
  fits: only("migrationid", "productversion"),
  companions: () => ["__efmigrationslock"],
  read: (history) => {
    const toolVersion = rowsOf(history.table).at(-1)?.text("productversion");
    return {
      ...readNamed(history, { name: "migrationid" }),
      ...(toolVersion === undefined ? {} : { toolVersion }),
      findings: history.companions
        .filter(({ name, rows }) => fold(name) === "__efmigrationslock" && rows.length > 0)
        .map(() => efLocked),
    };
  },
};

const efLocked: Finding = {
  severity: "error",
  code: "history-locked",
  message: "EF Core's lock is taken: another run may be active, or one was killed",
  hint: "Make sure that no migration runs, then adopt with --confirm-unlocked and a reason",
};

/** Only heads are there: their ancestors are in the files alone. */
export const alembic: HistoryTool = {
  name: "alembic",
  needed: ["version_num"],
  title: "Alembic",
  usualNames: ["alembic_version"],
  byColumns: true,
  fits: only("version_num"),
  read: ({ table }) => ({
    rows: lastDecides(
      rowsOf(table).map((row) => {
        const revision = row.text("version_num") ?? "";
        return {
          row,
          version: versionFrom(revision),
          name: revision,
          state: "applied",
          claimed: {},
          note: "A head: which revisions led to it, and when, is not in the database",
          file: { version: revision },
        };
      }),
    ),
    findings: [],
  }),
};

export const django: HistoryTool = {
  name: "django",
  needed: ["app", "name"],
  title: "Django",
  usualNames: ["django_migrations"],
  byColumns: true,
  fits: only("id", "app", "name", "applied"),
  read: ({ table }) => ({
    rows: lastDecides(
      rowsOf(table).map((row) => {
        const name = `${row.text("app") ?? ""}.${row.text("name") ?? ""}`;
        const at = claimedTime(row.text("applied"), "unknown");
        return {
          row,
          version: versionFrom(name),
          name,
          state: "applied",
          claimed: at === undefined ? {} : { at, atIs: "run" as const },
          file: { name },
        };
      }),
    ),
    findings: [],
  }),
};

export const diesel: HistoryTool = {
  name: "diesel",
  needed: ["version"],
  title: "Diesel",
  usualNames: ["__diesel_schema_migrations"],
  byColumns: false,
  fits: only("version", "run_on"),
  read: ({ table }) => ({
    rows: lastDecides(
      rowsOf(table).map((row) => {
        const version = row.text("version") ?? "";
        const at = claimedTime(row.text("run_on"), "utc");
        return {
          row,
          version: versionFrom(version),
          name: version,
          state: "applied",
          claimed: at === undefined ? {} : { at, atIs: "run" as const },
          // Diesel takes the dashes out of a folder's date.
          file: { number: version, version },
        };
      }),
    ),
    findings: [],
  }),
};
