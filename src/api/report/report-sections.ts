import type { ChangeReport } from "../../domain/audit/report/change-report.ts";
import { statusOf, type Change } from "../../domain/audit/report/change.ts";
import { LOG_CONTROLS } from "../../domain/audit/report/controls.ts";
import { completeness, header } from "./log-sections.ts";
import { schemaSections } from "./schema-sections.ts";
import type { Section, Table } from "./section.ts";
import { digestsOf, eventsOf, type ReportSource } from "./report-source.ts";
import { sheetOf } from "./sheet-section.ts";
import { bytes, cite, describe, duration, number, when, who } from "./wording.ts";

/** Which changes get a sheet of their own. */
export type Sheets = "all" | "chosen";

/** The report part by part; nothing of it is held back until the end. */
export async function* reportSections(
  source: ReportSource,
  sheets: Sheets,
): AsyncGenerator<Section> {
  const { report } = source;
  const changes = sheets === "all" ? report.changes : chosen(report);
  yield header(source);
  yield population(source, changes.length);
  yield completeness(report);
  yield exceptions(source);
  yield controls(report);
  yield sample(source);
  for (const change of changes) yield sheetOf(change, source.names);
  yield* schemaSections(source, changes);
  yield* scripts(source, changes);
}

/** Those that are drawn or out of the ordinary. */
function chosen({ changes, sample: drawn, exceptions: found }: ChangeReport): readonly Change[] {
  const ids = new Set([...drawn, ...found.map(({ runId }) => runId)]);
  return changes.filter(({ runId }) => ids.has(runId));
}

function population({ report, names }: ReportSource, sheets: number): Section {
  const { changes, requested, carriedOver, databases, byStatus } = report.population;
  const { runs, steps, rows, backups, checks, durationsMs } = report.totals;
  const without =
    sheets < changes
      ? `Sheets follow for ${sheets} of them: those drawn for the sample and those under Exceptions. HTML and JSON have a sheet for each.`
      : undefined;
  return {
    id: "population",
    level: 1,
    title: "Population",
    ...(without === undefined ? {} : { note: without }),
    facts: [
      ["Changes", number(changes)],
      ["Requested in the period", `${number(requested)} (events RunRequested)`],
      ["Carried over", number(carriedOver)],
      ["Databases", number(databases)],
      ...[...byStatus].map(([status, count]): [string, string] => [
        `Of these ${status}`,
        number(count),
      ]),
      ["Steps applied, undone, failed", `${steps.applied}, ${steps.reverted}, ${steps.failed}`],
      ["Rows by which tables grew, shrank", `${number(rows.added)}, ${number(rows.removed)}`],
      ["Backups completed, verified", `${backups.completed}, ${backups.verified}`],
      ["Bytes backed up", bytes(backups.bytes)],
      ["Checks passed, failed", `${checks.passed}, ${checks.failed}`],
      [
        "Runs took (half, 95 %, longest)",
        `${duration(durationsMs.runs.p50)}, ${duration(durationsMs.runs.p95)}, ${duration(durationsMs.runs.max)}`,
      ],
      ["Runs that failed", number(runs.failed)],
    ],
    tables: [
      {
        columns: [
          { title: "Requested", share: 17 },
          { title: "Database", share: 14 },
          { title: "Change", share: 20 },
          { title: "By", share: 12 },
          { title: "Approved by", share: 13 },
          { title: "Outcome", share: 13 },
          { title: "Events", share: 11 },
        ],
        rows: report.changes.map((change) => [
          when(change.requested.time),
          names.database(change.databaseId),
          describe(change),
          who(change.requested.actor, names),
          change.approvals.map(({ actor }) => who(actor, names)).join(", ") || "–",
          statusOf(change),
          `#${change.requested.index}–#${change.ended?.index ?? report.period.last}`,
        ]),
      },
    ],
  };
}

function exceptions({ report, names }: ReportSource): Section {
  const readers: Table = {
    title: "Who read audit data",
    columns: [{ title: "Reader" }, { title: "Answers", number: true }, { title: "Events" }],
    rows: report.readers.map(({ actor, answers, first, last }) => [
      who(actor, names),
      number(answers),
      first === last ? `#${first}` : `#${first}–#${last}`,
    ]),
  };
  return {
    id: "exceptions",
    level: 1,
    title: "Exceptions",
    ...(report.exceptions.length === 0 ? { note: "None." } : {}),
    tables: [
      {
        columns: [
          { title: "What", share: 18 },
          { title: "When, by", share: 24 },
          { title: "Database", share: 14 },
          { title: "Event", share: 9 },
          { title: "Said", share: 35 },
        ],
        rows: report.exceptions.map(({ kind, index, time, actor, databaseId, text }) => [
          kind,
          `${when(time)}, ${who(actor, names)}`,
          databaseId === null ? "–" : names.database(databaseId),
          `#${index}`,
          text,
        ]),
      },
      ...(readers.rows.length === 0 ? [] : [readers]),
    ],
  };
}

const listed = (indexes: readonly number[]): string => {
  const shown = indexes.slice(0, 6).map((index) => `#${index}`);
  return indexes.length > 6 ? `${shown.join(", ")} …` : shown.join(", ");
};

function controls(report: ChangeReport): Section {
  const { changes } = report.population;
  return {
    id: "controls",
    level: 1,
    title: "Control matrix",
    note: "What frameworks expect, and for how many changes the ledger has evidence. The clauses are told in our words; this report states facts and certifies nothing.",
    tables: [
      {
        title: `Of each change (${number(changes)})`,
        columns: [
          { title: "Clause", share: 22 },
          { title: "Expects", share: 34 },
          { title: "With evidence", share: 16, number: true },
          { title: "Evidence", share: 28 },
        ],
        rows: report.controls.map(
          ({ framework, clause, expects, changes: of, withEvidence, evidence }) => [
            `${framework} ${clause}`,
            expects,
            `${withEvidence} of ${of}`,
            evidence.length === 0 ? "no evidence" : listed(evidence),
          ],
        ),
      },
      {
        title: "Of the log",
        columns: [
          { title: "Clause", share: 26 },
          { title: "Expects", share: 44 },
          { title: "Events", share: 30, number: true },
        ],
        rows: LOG_CONTROLS.map(({ framework, clause, expects, types }) => {
          const count = eventsOf(report, types);
          return [`${framework} ${clause}`, expects, count === 0 ? "no evidence" : number(count)];
        }),
      },
    ],
  };
}

function sample({ report, names }: ReportSource): Section {
  const byId = new Map(report.changes.map((change) => [change.runId, change]));
  return {
    id: "sample",
    level: 1,
    title: "Sample",
    note: "Drawn by the SHA-256 of the root at the period's end followed by the run's id, the smallest first: whoever knows the root can draw it again.",
    tables: [
      {
        columns: [
          { title: "Run", share: 40 },
          { title: "Database", share: 20 },
          { title: "Outcome", share: 15 },
          { title: "Requested", share: 25 },
        ],
        rows: report.sample.map((runId) => {
          const change = byId.get(runId)!;
          return [
            runId,
            names.database(change.databaseId),
            statusOf(change),
            cite(change.requested, names),
          ];
        }),
      },
    ],
  };
}

/** Each text once, however many changes ran it. */
async function* scripts(
  { script }: ReportSource,
  changes: readonly Change[],
): AsyncGenerator<Section> {
  const digests = digestsOf({ changes });
  if (digests.length > 0)
    yield {
      id: "scripts",
      level: 1,
      title: "Scripts",
      note: "Texts by their SHA-256, as registered.",
    };
  for (const digest of digests)
    yield {
      id: digest.replace(":", "-"),
      level: 2,
      title: digest,
      text: (await script(digest)) ?? "(the ledger has no such text any more)",
    };
}
