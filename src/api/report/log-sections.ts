import type { ChangeReport } from "../../domain/audit/report/change-report.ts";
import type { Gap } from "../../domain/audit/report/log-life.ts";
import type { ReportSource } from "./report-source.ts";
import type { Section, Table } from "./section.ts";
import { duration, number, when } from "./wording.ts";

/** What the report is about, and the heads of the log that it rests on. */
export function header({ report, digest }: ReportSource): Section {
  const { origin, period, start, end, checkpoint } = report;
  const root = (hash: Uint8Array): string => digest.base64(hash);
  return {
    id: "header",
    level: 1,
    title: "Changes of databases",
    note: "A change is a run: one or more migrations of one database, or their undoing. #n is the index of an event in the ledger: its proof is GET /v1/ledger/events/n/proof. All times are UTC.",
    facts: [
      ["Ledger", origin],
      ["Period", `${when(period.from)} to ${when(period.to)}`],
      ["Events", `#${period.first} to #${period.last}`],
      ["Root before the period", `${root(start.root)} at size ${start.size}`],
      ["Root at its end", `${root(end.root)} at size ${end.size}`],
      ["Signed checkpoint", `${root(checkpoint.root)} at size ${checkpoint.size}`],
      [
        "Consistency",
        start.size === 0
          ? "The period begins with the ledger"
          : `Proved: ${report.proofs.toEnd.length} hashes from the start to the end of the period`,
      ],
      ["Time stamps", anchored(report)],
    ],
    text: checkpoint.note,
  };
}

function anchored({ logLife: { anchors } }: ChangeReport): string {
  const last = anchors.at(-1);
  if (last === undefined) return "none in the period";
  return `${anchors.length}; the newest (#${last.index}): size ${last.size} was seen by ${last.by} at ${when(last.stamped)}`;
}

function completenessNote(found: ChangeReport["completeness"]): string {
  if (!found.complete) return "SOMETHING IS MISSING: see the faults below.";
  return found.databasesReconciled < found.databasesChanged
    ? "No event is missing. Not every database was checked after its last change: see Databases reconciled."
    : "Nothing is missing: every number below is zero or equal where it has to be.";
}

/** The numbers that say whether something is missing. */
export function completeness(report: ChangeReport): Section {
  const { completeness: found, faults, eventsByType, logLife } = report;
  return {
    id: "completeness",
    level: 1,
    title: "Completeness",
    note: completenessNote(found),
    facts: [
      ["Events by index", number(found.events.expected)],
      ["Events read", number(found.events.read)],
      ["Gaps in the index", number(found.indexGaps)],
      ["Gaps in streams", number(found.streamGaps)],
      ["Schema transitions", number(found.schemaTransitions)],
      ["Unexplained transitions", number(found.unexplainedTransitions)],
      ["Attempts of steps", number(found.attempts)],
      ["Attempts without outcome", number(found.attemptsWithoutOutcome)],
      [
        "Databases reconciled",
        `${found.databasesReconciled} of ${found.databasesChanged} that were changed: their markers and schema were checked after the last change`,
      ],
      ["Times set back", number(found.timesSetBack)],
      ["Longest silence", duration(found.longestSilenceMs)],
      ["Heartbeats", number(logLife.heartbeats)],
      [
        "Gaps without heartbeat",
        logLife.gaps === null
          ? "not known: there is no heartbeat in the period"
          : number(logLife.gaps.length),
      ],
    ],
    tables: [
      ...gapTable(logLife.gaps ?? []),
      ...(faults.length === 0
        ? []
        : [
            {
              title: "Faults",
              columns: [{ title: "What" }, { title: "Event" }, { title: "Stream" }],
              rows: faults.map(({ code, index, stream }) => [code, `#${index}`, stream]),
            },
          ]),
      {
        title: "Events by type",
        columns: [
          { title: "Type", share: 70 },
          { title: "Events", share: 30, number: true },
        ],
        rows: [...eventsByType].map(([type, count]) => [type, number(count)]),
      },
    ],
  };
}

const gapTable = (gaps: readonly Gap[]): Table[] =>
  gaps.length === 0
    ? []
    : [
        {
          title:
            "Times in which nothing was recorded, not even a heartbeat: the service did not run",
          columns: [
            { title: "After" },
            { title: "Before" },
            { title: "Lasted" },
            { title: "Because" },
          ],
          rows: gaps.map(({ after, before, seconds, why }) => [
            `#${after}`,
            `#${before}`,
            duration(seconds * 1000),
            WHY[why ?? "unknown"],
          ]),
        },
      ];

const WHY = {
  stopped: "the service was stopped",
  crashed: "the service died",
  unknown: "not on record",
};
