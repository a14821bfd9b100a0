import { stringify } from "csv-stringify/sync";
import type { ChangeReport } from "../../domain/audit/report/change-report.ts";
import { statusOf, type Change } from "../../domain/audit/report/change.ts";
import { vouched } from "./wording.ts";
import type { Names } from "../views/names.ts";

type Cell = string | number | null;
type Columns = readonly (readonly [title: string, of: (change: Change, names: Names) => Cell])[];

const indexes = (list: readonly { readonly index: number }[]): string =>
  list.map(({ index }) => index).join(" ");

const outcomes = (change: Change, type: string): number =>
  change.steps.filter(({ outcome }) => outcome?.type === type).length;

const runBackup = ({ backups }: Change) => backups.find(({ purpose }) => purpose === "run");

const COLUMNS: Columns = [
  ["runId", ({ runId }) => runId],
  ["database", ({ databaseId }, names) => names.database(databaseId)],
  ["kind", ({ kind }) => kind],
  ["to", ({ to }) => to],
  ["versions", ({ plan }) => plan.map(({ version }) => version).join(" ")],
  ["status", (change) => statusOf(change)],
  ["outcome", ({ ended }) => ended?.outcome ?? null],
  ["error", ({ ended }) => ended?.error?.code ?? null],
  ["requestedIndex", ({ requested }) => requested.index],
  ["requestedAt", ({ requested }) => requested.time],
  ["requestedBy", ({ requested }) => requested.actor],
  ["requestedByName", ({ requested }, names) => names.actor(requested.actor).name],
  ["reason", ({ reason }) => reason],
  ["ticket", ({ ticket }) => ticket],
  ["class", (change) => change.class],
  ["risk", ({ risk }) => risk],
  ["planDigest", ({ planDigest }) => planDigest],
  ["approvalsNeeded", ({ approvalsNeeded }) => approvalsNeeded],
  ["approvalIndexes", ({ approvals }) => indexes(approvals)],
  [
    "approvedByNames",
    ({ approvals }, names) => approvals.map(({ actor }) => names.actor(actor).name).join(", "),
  ],
  ["rehearsal", ({ rehearsal }) => rehearsal?.outcome ?? null],
  [
    "testsElsewhere",
    ({ tests }) => tests.map(({ environment, result }) => `${environment}: ${result}`).join(", "),
  ],
  ["testIndexes", ({ tests }) => indexes(tests)],
  ["vouchedFor", ({ plan }) => plan.map(({ trust }) => vouched(trust)).join(", ")],
  ["rehearsalIndex", ({ rehearsal }) => rehearsal?.index ?? null],
  ["backupId", (change) => runBackup(change)?.backupId ?? null],
  ["backupVerifiedIndex", (change) => runBackup(change)?.verified?.index ?? null],
  ["startedIndex", ({ started }) => started?.index ?? null],
  ["startedAt", ({ started }) => started?.time ?? null],
  ["executorHost", ({ executor }) => executor?.host ?? null],
  ["endedIndex", ({ ended }) => ended?.index ?? null],
  ["endedAt", ({ ended }) => ended?.time ?? null],
  ["durationMs", ({ ended }) => ended?.durationMs ?? null],
  ["stepsApplied", (change) => outcomes(change, "StepApplied")],
  ["stepsReverted", (change) => outcomes(change, "StepReverted")],
  ["stepsFailed", (change) => outcomes(change, "StepFailed")],
  ["fingerprintBefore", ({ steps }) => steps[0]?.outcome?.fingerprintBefore ?? null],
  ["fingerprintAfter", ({ steps }) => steps.at(-1)?.outcome?.fingerprintAfter ?? null],
];

/** Changes written at a time. */
const CHUNK = 200;

/** One line a change. No cell can become a formula in a spreadsheet. */
export function* reportCsv({ changes }: ChangeReport, names: Names): Generator<string> {
  yield csv([COLUMNS.map(([title]) => title)]);
  for (let at = 0; at < changes.length; at += CHUNK)
    yield csv(
      changes.slice(at, at + CHUNK).map((change) => COLUMNS.map(([, of]) => of(change, names))),
    );
}

const csv = (rows: readonly (readonly Cell[])[]): string =>
  stringify(rows as Cell[][], { escape_formulas: true, record_delimiter: "windows" });
