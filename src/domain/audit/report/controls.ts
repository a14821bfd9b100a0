import type { EventType } from "../../events.ts";
import { standingApprovals, type Change } from "./change.ts";

/** What a framework expects of each change, and which events show it. */
export interface Control {
  readonly framework: string;
  readonly clause: string;
  readonly expects: string;
  /** Indexes of the events of a change that are evidence; none: no evidence. */
  evidence(change: Change): readonly number[];
}

/** A control over all changes of a period. */
export interface ControlResult {
  readonly framework: string;
  readonly clause: string;
  readonly expects: string;
  /** Changes to which it applies, and those with evidence. */
  readonly changes: number;
  readonly withEvidence: number;
  /** Some of the event indexes, and of the changes without. */
  readonly evidence: readonly number[];
  readonly without: readonly string[];
}

/** Indexes and run ids named in a result; every change's own are with the change. */
const NAMED = 20;

const present = (indexes: readonly (number | undefined)[]): number[] =>
  indexes.filter((index) => index !== undefined);

const requestOf = ({ requested }: Change): number[] => [requested.index];
const reasonOf = (change: Change): number[] => (change.reason === null ? [] : requestOf(change));
const approvalsOf = (change: Change): number[] =>
  standingApprovals(change).map(({ index }) => index);
/** A test that came after the first step is none of what was then not changed yet. */
const testOf = ({ rehearsal, tests, steps: [first] }: Change): number[] => [
  ...(rehearsal?.outcome === "passed" ? [rehearsal.index] : []),
  ...tests
    .filter(({ result, index }) => result === "passed" && index < (first?.intent.index ?? Infinity))
    .map(({ index }) => index),
];
const registrationsOf = ({ plan }: Change): number[] =>
  present(plan.map(({ registered }) => registered?.index));
const fallbackOf = ({ backups }: Change): number[] =>
  present(backups.map(({ verified }) => verified?.index));
const implementationOf = ({ steps }: Change): number[] =>
  present(steps.map(({ outcome }) => outcome?.index));
const signaturesOf = (change: Change): number[] =>
  change.approvals.filter(({ meaning }) => meaning !== "").map(({ index }) => index);

/** Evidence only if there is some of every kind. */
const all =
  (...kinds: readonly ((change: Change) => readonly number[])[]) =>
  (change: Change): readonly number[] => {
    const found = kinds.map((kind) => kind(change));
    return found.every((indexes) => indexes.length > 0) ? found.flat() : [];
  };

export const CONTROLS: readonly Control[] = [
  control("PCI DSS 4.0.1", "6.5.1 a", "A reason and description of the change", reasonOf),
  control("PCI DSS 4.0.1", "6.5.1 b", "Documentation of impact: the plan and its risk", requestOf),
  control("PCI DSS 4.0.1", "6.5.1 c", "Documented approval by authorised parties", approvalsOf),
  control("PCI DSS 4.0.1", "6.5.1 d", "Testing before the change", testOf),
  control("PCI DSS 4.0.1", "6.5.1 e", "The script itself, checked and unchanged", registrationsOf),
  control("PCI DSS 4.0.1", "6.5.1 f", "A way back to a secure state", fallbackOf),
  control(
    "SOC 2",
    "CC8.1",
    "Authorised, tested, approved and implemented, tracked before it began",
    all(reasonOf, approvalsOf, testOf, implementationOf),
  ),
  control(
    "ISO/IEC 27001:2022",
    "A.8.32",
    "Planned, authorised, tested, with a fall-back and records",
    all(requestOf, approvalsOf, testOf, fallbackOf),
  ),
  control("21 CFR 11", "11.10(f)", "Steps in the sequence that was permitted", implementationOf),
  control("21 CFR 11", "11.50", "Signatures with their time and meaning", signaturesOf),
];

function control(
  framework: string,
  clause: string,
  expects: string,
  of: (change: Change) => readonly number[],
): Control {
  return { framework, clause, expects, evidence: of };
}

/** The matrix: every control over every change. A rehearsal alone is none. */
export function controlMatrix(all: readonly Change[]): ControlResult[] {
  const changes = all.filter(({ rehearsalOnly }) => !rehearsalOnly);
  return CONTROLS.map((one) => {
    const found = changes.map((change) => ({ change, indexes: one.evidence(change) }));
    const without = found.filter(({ indexes }) => indexes.length === 0);
    return {
      framework: one.framework,
      clause: one.clause,
      expects: one.expects,
      changes: changes.length,
      withEvidence: changes.length - without.length,
      evidence: found.flatMap(({ indexes }) => indexes).slice(0, NAMED),
      without: without.slice(0, NAMED).map(({ change }) => change.runId),
    };
  });
}

/** Controls about the log as a whole: which types of events show them. */
export interface LogControl {
  readonly framework: string;
  readonly clause: string;
  readonly expects: string;
  readonly types: readonly (EventType | "*")[];
}

export const LOG_CONTROLS: readonly LogControl[] = [
  {
    framework: "ISO/IEC 27001:2022",
    clause: "A.8.15",
    expects: "Who, what, when, from where; logs protected from change",
    types: ["*"],
  },
  {
    framework: "PCI DSS 4.0.1",
    clause: "10.2.1.2, 10.2.1.5",
    expects: "Administrative actions; changes of credentials",
    types: [
      "KeyIssued",
      "KeyRevoked",
      "KeyRotated",
      "KeyRetired",
      "PolicyChanged",
      "PolicyChangeRequested",
      "DatabaseRegistered",
      "DatabaseReleased",
      "DatabaseRetired",
      "BackupKeyChanged",
      "BackupStoreChanged",
    ],
  },
  {
    framework: "PCI DSS 4.0.1",
    clause: "10.2.1.3",
    expects: "Access to audit logs",
    types: ["AuditAccessed", "AuditReadsChanged", "ReportIssued"],
  },
  {
    framework: "PCI DSS 4.0.1",
    clause: "10.2.1.6",
    expects: "Start, stop and pause of the log",
    types: ["LedgerOpened", "LedgerContinued", "ServiceStarted", "ServiceStopped"],
  },
  {
    framework: "21 CFR 11",
    clause: "11.10(e)",
    expects: "Time-stamped trail; changes do not obscure what was recorded before",
    types: ["*"],
  },
  {
    framework: "21 CFR 11",
    clause: "11.10(g)",
    expects: "Authority checks: decisions that were refused",
    types: ["ApprovalRefused"],
  },
  {
    framework: "HIPAA",
    clause: "164.312(b)",
    expects: "Activity is recorded and examined",
    types: ["AuditAccessed", "ReportIssued", "EmergencyReviewed"],
  },
];
