import { statusOf, type Change, type ChangeStep } from "../../domain/audit/report/change.ts";
import { CONTROLS } from "../../domain/audit/report/controls.ts";
import type { Names } from "../views/names.ts";
import type { Fact, Section, Table } from "./section.ts";
import { bytes, cite, describe, duration, short, vouched, when } from "./wording.ts";

/** One change on a page of its own: request, plan, test, approval, execution, outcome, way back. */
export function sheetOf(change: Change, names: Names): Section {
  return {
    id: `run-${change.runId}`,
    level: 2,
    title: `${names.database(change.databaseId)}: ${change.kind} ${describe(change)}: ${statusOf(change)}${change.rehearsalOnly ? " (a rehearsal alone)" : ""}`,
    facts: [...request(change, names), ...tested(change, names), ...done(change, names)],
    tables: [
      planTable(change, names),
      ...(change.steps.length === 0 ? [] : [stepTable(change.steps, names)]),
      ...schemaTables(change.steps),
      controlTable(change),
    ],
  };
}

function request(change: Change, names: Names): Fact[] {
  return [
    ["Run", change.runId],
    ["Requested", cite(change.requested, names)],
    ["Reason", change.reason ?? "no evidence"],
    ["Ticket", change.ticket ?? "–"],
    ["Class, risk", `${change.class}, ${change.risk}`],
    ["Plan digest", change.planDigest],
    [
      "Approvals",
      change.approvals.length === 0
        ? `none (needed: ${change.approvalsNeeded})`
        : change.approvals
            .map(
              (one) =>
                `${cite(one, names)}: ${one.meaning}${one.ended === null ? "" : ` (void since #${one.ended})`}`,
            )
            .join("; "),
    ],
    ...change.refusals.map((one): Fact => ["Refused decision", `${cite(one, names)}: ${one.code}`]),
    ...change.scheduled.map((one): Fact => [
      "Waited",
      `${cite(one, names)}: until ${when(one.at)} (${one.cause})`,
    ]),
  ];
}

function tested({ rehearsal, tests, backups }: Change, names: Names): Fact[] {
  return [
    ...tests.map((one): Fact => [
      `Test in ${one.environment}`,
      [cite(one, names) + `: ${one.result}`, one.artifact, one.reference]
        .filter((part) => part !== null)
        .join("; "),
    ]),
    [
      "Rehearsal",
      rehearsal === null
        ? "no evidence"
        : `${cite(rehearsal, names)}: ${rehearsal.outcome} in ${duration(rehearsal.durationMs)} on the restored backup ${rehearsal.backupId}`,
    ],
    ...backups.map(({ backupId, purpose, completed, verified }): Fact => [
      `Backup (${purpose})`,
      completed === null
        ? `${backupId}: not completed`
        : `${backupId}, ${bytes(completed.bytes)}, SHA-256 ${short(completed.sha256)}…; verified: ${cite(verified, names)}`,
    ]),
  ];
}

function done(change: Change, names: Names): Fact[] {
  const { started, executor, ended, checks, restores, review, reviewBy } = change;
  return [
    ["Begun", started === null ? "–" : cite(started, names)],
    [
      "Executor",
      executor === null
        ? "–"
        : `Schemaledger ${executor.tool} on ${executor.host}, ${executor.instance}`,
    ],
    ...checks.map((one): Fact => ["Integrity check", `${cite(one, names)}: ${one.status}`]),
    ...restores.map((one): Fact => [
      "Restore",
      `${one.backupId}: ${one.ended === null ? "not ended" : `${one.ended.outcome}, ${cite(one.ended, names)}`}`,
    ]),
    [
      "Ended",
      ended === null
        ? "not in the period"
        : `${cite(ended, names)}: ${ended.outcome}${ended.error === null ? "" : `, ${ended.error.code}: ${ended.error.message}`}`,
    ],
    ...(reviewBy === null
      ? []
      : [["Review afterwards", `${cite(review, names)} (due ${when(reviewBy)})`] as const]),
  ];
}

function planTable({ plan }: Change, names: Names): Table {
  return {
    title: "Plan",
    columns: [
      { title: "Version", share: 18 },
      { title: "Registered", share: 24 },
      { title: "Vouched for", share: 14 },
      { title: "Script", share: 17 },
      { title: "Way back", share: 17 },
      { title: "Transaction", share: 10 },
    ],
    rows: plan.map(({ version, name, direction, registered, trust, up, down, transaction }) => [
      `${version} ${name}${direction === "down" ? " (down)" : ""}`,
      cite(registered, names),
      vouched(trust),
      up === null ? "no evidence" : `${short(up)}…`,
      down === null ? "restore of the backup" : `${short(down)}…`,
      transaction,
    ]),
  };
}

function stepTable(steps: readonly ChangeStep[], names: Names): Table {
  return {
    title: "Execution",
    columns: [
      { title: "Version", share: 12 },
      { title: "Intent, outcome", share: 30 },
      { title: "Took", share: 10 },
      { title: "Schema before, after", share: 24 },
      { title: "What changed", share: 24 },
    ],
    rows: steps.map(({ version, direction, intent, outcome }) => [
      direction === "down" ? `${version} (down)` : version,
      `#${intent.index}; ${outcome === null ? "no outcome" : `${outcome.type} ${cite(outcome, names)}`}`,
      duration(outcome?.durationMs ?? null),
      outcome?.fingerprintAfter === undefined
        ? "–"
        : `${short(outcome.fingerprintBefore!)}, ${short(outcome.fingerprintAfter)}`,
      whatChanged(outcome),
    ]),
  };
}

function whatChanged(outcome: ChangeStep["outcome"]): string {
  if (outcome === null) return "–";
  if (outcome.error !== undefined) return `${outcome.error.code}: ${outcome.error.message}`;
  if (outcome.reason !== undefined) return outcome.reason;
  const schema = (outcome.schemaChanges ?? []).map(
    ({ change, type, name }) => `${change} ${type} ${name}`,
  );
  const rows = (outcome.rows ?? []).map(
    ({ table, before, after }) => `${table}: ${before ?? "no"} to ${after ?? "no"} rows`,
  );
  return [...schema, ...rows].join("; ") || "nothing of the schema, no row counts";
}

/** Each object that a step changed, as it was and as it is. */
function schemaTables(steps: readonly ChangeStep[]): Table[] {
  const rows = steps.flatMap(({ version, direction, outcome }) =>
    (outcome?.schemaChanges ?? []).map(({ type, name, before, after }) => [
      `${version}${direction === "down" ? " (down)" : ""}: ${type} ${name}`,
      before ?? "–",
      after ?? "–",
    ]),
  );
  if (rows.length === 0) return [];
  const columns = [
    { title: "Object", share: 22 },
    { title: "Before", share: 39, code: true },
    { title: "After", share: 39, code: true },
  ];
  return [{ title: "Schema before and after", columns, rows }];
}

const controlTable = (change: Change): Table => ({
  title: "Evidence by clause",
  columns: [
    { title: "Clause", share: 40 },
    { title: "Events", share: 60 },
  ],
  rows: CONTROLS.map((control) => {
    const indexes = control.evidence(change);
    const text = indexes.map((index) => `#${index}`).join(", ");
    return [`${control.framework} ${control.clause}`, text || "no evidence"];
  }),
});
