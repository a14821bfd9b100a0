import type { Head } from "../../domain/audit/report/change-report.ts";
import { statusOf, type Change } from "../../domain/audit/report/change.ts";
import { CONTROLS, LOG_CONTROLS } from "../../domain/audit/report/controls.ts";
import { digestsOf, eventsOf, schemasOf, type ReportSource } from "./report-source.ts";

/** The report for programs: one member a line, one change a line. Actors by their pseudonyms alone. */
export async function* reportJson(source: ReportSource): AsyncGenerator<string> {
  const { report, names } = source;
  yield "{\n";
  for (const [name, value] of Object.entries(membersOf(source))) yield line(name, value);
  yield '"changes":[';
  for (const [at, change] of report.changes.entries())
    yield `${at === 0 ? "\n" : ",\n"}${JSON.stringify(changeView(change, names.database(change.databaseId)))}`;
  yield '\n],\n"schemas":{';
  let begun = false;
  for await (const { databaseId, before, after } of schemasOf(source, report.changes)) {
    yield `${begun ? ",\n" : "\n"}${JSON.stringify(databaseId)}:${JSON.stringify({ before, after })}`;
    begun = true;
  }
  yield '\n},\n"scripts":{';
  let first = true;
  for (const digest of digestsOf(report)) {
    const text = (await source.script(digest)) ?? null;
    yield `${first ? "\n" : ",\n"}${JSON.stringify(digest)}:${JSON.stringify(text)}`;
    first = false;
  }
  yield "\n}\n}\n";
}

const line = (name: string, value: unknown): string =>
  `${JSON.stringify(name)}:${JSON.stringify(value)},\n`;

function membersOf({ report, digest }: ReportSource): { readonly [member: string]: unknown } {
  const head = ({ size, root }: Head) => ({ size, root: digest.base64(root) });
  const { population, sample, end, proofs, checkpoint } = report;
  return {
    format: "schemaledger/changes/1",
    origin: report.origin,
    period: report.period,
    start: head(report.start),
    end: head(end),
    consistency: {
      toEnd: proofs.toEnd.map((hash) => digest.base64(hash)),
      toCheckpoint: proofs.toCheckpoint.map((hash) => digest.base64(hash)),
    },
    checkpoint: checkpoint.note,
    population: { ...population, byStatus: Object.fromEntries(population.byStatus) },
    totals: report.totals,
    eventsByType: Object.fromEntries(report.eventsByType),
    completeness: report.completeness,
    faults: report.faults,
    ...report.logLife,
    exceptions: report.exceptions,
    readers: report.readers,
    controls: report.controls,
    logControls: LOG_CONTROLS.map((control) =>
      Object.assign({}, control, { events: eventsOf(report, control.types) }),
    ),
    sample: {
      method: "the runs whose SHA-256(root ‖ UTF-8 of the run id) is smallest, ascending",
      root: digest.hex(end.root),
      runs: sample,
    },
  };
}

const changeView = (change: Change, database: string): object => ({
  ...change,
  database,
  status: statusOf(change),
  controls: Object.fromEntries(
    CONTROLS.map((control) => [`${control.framework} ${control.clause}`, control.evidence(change)]),
  ),
});
