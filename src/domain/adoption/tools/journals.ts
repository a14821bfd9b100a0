import type { Finding } from "../../migration/events.ts";
import { claimedTime } from "../claimed-time.ts";
import type { AdoptedState } from "../events.ts";
import { rowsOf, type FoundHistory, type Row } from "../history-table.ts";
import { readable, versionFrom } from "../names.ts";
import { atLeast, lastDecides, type HistoryTool, type ReadRow, type Reading } from "../reading.ts";

/** `applied` counts the statements of `total` that were done. */
export const atlas: HistoryTool = {
  name: "atlas",
  needed: ["version"],
  title: "Atlas",
  usualNames: ["atlas_schema_revisions"],
  byColumns: true,
  fits: atLeast("version", "applied", "total", "partial_hashes", "operator_version"),
  read: ({ table }) => {
    const rows = rowsOf(table).filter((row) => row.text("version") !== ".atlas_cloud_identifier");
    const toolVersion = rows.at(-1)?.text("operator_version");
    return {
      ...(toolVersion === undefined ? {} : { toolVersion }),
      rows: lastDecides(rows.map(revision)),
      findings: [],
    };
  },
};

const BASELINE = 1;

function revision(row: Row): Omit<ReadRow, "decides"> {
  const version = row.text("version") ?? "";
  const [done, total] = [row.number("applied") ?? 0, row.number("total") ?? 0];
  const error = row.text("error") ?? "";
  const at = claimedTime(row.text("executed_at"), "unknown");
  const nanoseconds = row.number("execution_time");
  const hash = row.text("hash");
  const isBaseline = ((row.number("type") ?? 0) & BASELINE) !== 0;
  const state: AdoptedState =
    done < total || error !== "" ? "failed" : isBaseline ? "baseline" : "applied";
  return {
    row,
    version: versionFrom(version),
    name: readable(row.text("description") ?? "") || version,
    state,
    claimed: {
      ...(at === undefined ? {} : { at, atIs: "run" }),
      ...(nanoseconds === undefined ? {} : { durationMs: Math.round(nanoseconds / 1e6) }),
    },
    ...(hash === undefined || hash === ""
      ? {}
      : // With and without the prefix that its sum file has.
        { checksum: { algorithm: "atlas-sum", value: hash.replace(/^(?!h1:)/, "h1:") } }),
    ...(state === "failed"
      ? { note: `${done} of ${total} statements were done${error === "" ? "" : `; ${error}`}` }
      : {}),
    file: { version },
    ...(isBaseline ? { implies: true } : {}),
  };
}

/** `events` is the history, `changes` what is deployed now. On SQLite in a file beside. */
export const sqitch: HistoryTool = {
  name: "sqitch",
  needed: ["event", "change_id", "change"],
  title: "Sqitch",
  usualNames: ["events"],
  byColumns: false,
  fits: (columns, others) =>
    atLeast("event", "change_id", "change", "committed_at")(columns) &&
    ["releases", "projects", "changes", "tags", "dependencies"].every((name) => others.has(name)),
  companions: () => ["changes", "projects", "releases", "tags", "dependencies"],
  beside: "sqitch.db",
  read: readSqitch,
};

const EVENTS: { readonly [event: string]: AdoptedState } = {
  deploy: "applied",
  revert: "reverted",
  fail: "failed",
  merge: "applied",
};

function readSqitch({ table, companions }: FoundHistory): Reading {
  const byName = new Map(companions.map((one) => [one.name.toLowerCase(), one]));
  const changes = (byName.has("changes") ? rowsOf(byName.get("changes")!) : []).map(
    (row) => [row.text("change_id") ?? "", row] as const,
  );
  const deployed = new Map(changes);
  const events = rowsOf(table).toSorted((a, b) => {
    const [left, right] = [a.text("committed_at") ?? "", b.text("committed_at") ?? ""];
    return left < right ? -1 : left > right ? 1 : a.position - b.position;
  });
  const rows = lastDecides(events.map((row) => changeEvent(row, deployed)));
  const release = byName.has("releases")
    ? rowsOf(byName.get("releases")!).at(-1)?.text("version")
    : undefined;
  return {
    ...(release === undefined ? {} : { toolVersion: `registry ${release}` }),
    rows,
    findings: contradictions(rows, deployed),
  };
}

function changeEvent(row: Row, deployed: ReadonlyMap<string, Row>): Omit<ReadRow, "decides"> {
  const change = row.text("change") ?? "";
  const id = row.text("change_id") ?? "";
  const at = claimedTime(row.text("committed_at"), "utc");
  const by = row.text("committer_name");
  const mail = row.text("committer_email");
  const author = row.text("planner_name");
  const event = row.text("event") ?? "";
  const hash = deployed.get(id)?.text("script_hash");
  const state = EVENTS[event] ?? "failed";
  return {
    row,
    version: versionFrom(change),
    name: row.text("note") || change,
    // A failed deploy was reverted by Sqitch itself: the change is not deployed.
    state,
    claimed: {
      ...(at === undefined ? {} : { at, atIs: "run" }),
      ...(by === undefined
        ? {}
        : { by: mail === undefined ? by : `${by} <${mail}>`, byIs: "self-declared" }),
      ...(author === undefined ? {} : { author }),
    },
    ...(hash === undefined ? {} : { checksum: { algorithm: "sqitch-sha1", value: hash } }),
    file: { toolId: change, name: change },
  };
}

/** Both tables are written together; where they differ somebody has changed one of them. */
function contradictions(rows: readonly ReadRow[], deployed: ReadonlyMap<string, Row>): Finding[] {
  const now = new Set([...deployed.values()].map((row) => versionFrom(row.text("change") ?? "")));
  const said = new Set(
    rows
      .filter(({ decides, state }) => decides && state === "applied")
      .map(({ version }) => version!),
  );
  const differing = [
    ...[...now].filter((version) => !said.has(version)),
    ...[...said].filter((version) => !now.has(version)),
  ];
  return differing.map((version) => ({
    severity: "error",
    code: "history-damaged",
    message: `Sqitch's tables events and changes disagree about ${version}`,
    hint: "Run sqitch status and sqitch log, and find out which is right before you adopt",
  }));
}

export const sqlx: HistoryTool = {
  name: "sqlx",
  needed: ["version"],
  title: "sqlx",
  usualNames: ["_sqlx_migrations"],
  byColumns: true,
  fits: atLeast("version", "description", "installed_on", "success", "checksum", "execution_time"),
  read: ({ table }) => ({ rows: lastDecides(rowsOf(table).map(sqlxRow)), findings: [] }),
};

function sqlxRow(row: Row): Omit<ReadRow, "decides"> {
  const version = row.text("version") ?? "";
  const at = claimedTime(row.text("installed_on"), "utc");
  const nanoseconds = row.number("execution_time");
  const value = row.bytes("checksum");
  return {
    row,
    version: versionFrom(version),
    name: row.text("description") ?? version,
    state: row.flag("success") ? "applied" : "failed",
    claimed: {
      ...(at === undefined ? {} : { at, atIs: "run" }),
      ...(nanoseconds === undefined || nanoseconds < 0
        ? {}
        : { durationMs: Math.round(nanoseconds / 1e6) }),
    },
    ...(value === undefined ? {} : { checksum: { algorithm: "sqlx-sha384", value } }),
    file: { number: version },
  };
}
