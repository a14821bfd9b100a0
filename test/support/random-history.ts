import type { DomainEvent } from "../../src/domain/events.ts";
import { databaseStream } from "../../src/domain/events.ts";
import { Dice } from "./random-sql.ts";
import { applied, event, migration, registered, runRequested, stepStarted } from "./history.ts";

/** One append of a history. */
export interface HistoryAppend {
  readonly stream: string;
  readonly events: readonly DomainEvent[];
}

/**
 * A history in which everything happens that can come to an end: runs that succeed, fail, are
 * cancelled or leave a step unknown, backups, checks, restores. What happens on one database may
 * overlap, and that on several does. The same seed gives the same history; another prefix gives
 * other databases.
 */
export function randomHistory(seed: number, things: number, prefix = "db"): HistoryAppend[] {
  const dice = new Dice(seed);
  const databases = ["a", "b", "c"].map((name) => new Story(`${prefix}-${name}`, dice));
  const appends: HistoryAppend[] = [keys(dice)];
  for (let i = 0; i < things; i += 1) dice.pick(databases).begin();
  for (;;) {
    const open = databases.filter((story) => story.goesOn);
    if (open.length === 0) return appends;
    const story = dice.pick(open);
    appends.push({ stream: databaseStream(story.id), events: story.next(1 + dice.roll(4)) });
  }
}

function keys(dice: Dice): HistoryAppend {
  const issued = Array.from({ length: 1 + dice.roll(3) }, (_, n) =>
    event("KeyIssued", {
      keyId: `key-${n}`,
      name: `key ${n}`,
      roles: ["admin"],
      tokenHash: `sha256:${n}`,
      actorId: `act_${n}`,
      actorKind: "user",
    }),
  );
  const revoked = event("KeyRevoked", { keyId: "key-0", reason: "lost" });
  return { stream: "service", events: [...issued, revoked] };
}

/** What happens on one database: one thing at a time, with checks and backups in between. */
class Story {
  readonly id: string;
  readonly #dice: Dice;
  #count = 0;
  readonly #main: DomainEvent[];
  readonly #aside: DomainEvent[] = [];

  constructor(id: string, dice: Dice) {
    this.id = id;
    this.#dice = dice;
    const [first, baselined] = registered;
    const data = { ...first!.data, databaseId: id, name: `database ${id}` };
    this.#main = [event("DatabaseRegistered", data as never), baselined!];
  }

  get goesOn(): boolean {
    return this.#main.length + this.#aside.length > 0;
  }

  begin(): void {
    const name = `${this.id}-${(this.#count += 1)}`;
    const version = String(this.#count);
    const things: (() => DomainEvent[])[] = [
      () => succeeded(name, version),
      () => failed(name, version),
      () => unknownAndRestored(name, version),
      () => restoredLate(name, version),
      () => [migration(version), runRequested(name, [version]), cancelled(name)],
      () => failedRestore(name),
      () => [event("PolicyChanged", { policy: { rehearse: false, approvals: 0 } as never })],
    ];
    const asides: (() => DomainEvent[])[] = [
      () => check(name),
      () => [backupStarted(name), backupFailed(name)],
      () => backup(name),
      () => [...backup(name), damaged(name)],
    ];
    if (this.#dice.roll(2) === 0) this.#main.push(...this.#dice.pick(things)());
    else this.#aside.push(...this.#dice.pick(asides)());
  }

  next(count: number): DomainEvent[] {
    // Nothing can happen on a database before it is registered.
    const isNew = this.#main[0]?.type === "DatabaseRegistered";
    const from =
      isNew || this.#aside.length === 0 || this.#dice.roll(3) > 0 ? this.#main : this.#aside;
    return (from.length === 0 ? this.#aside : from).splice(0, isNew ? 2 : count);
  }
}

const cancelled = (runId: string): DomainEvent =>
  event("RunCancelled", { runId, reason: "not now", outcome: "untouched", durationMs: 0 });

function succeeded(runId: string, version: string): DomainEvent[] {
  const [requested, started, ...rest] = applied(runId, version);
  return [
    migration(version),
    requested!,
    started!,
    ...backup(`${runId}-backup`, runId),
    ...rest.slice(0, -1),
    ...check(`${runId}-check`, runId),
    rest.at(-1)!,
  ];
}

/** The step fails, and the policy restores the backup. */
const failed = (runId: string, version: string): DomainEvent[] => [
  migration(version),
  runRequested(runId, [version]),
  event("RunStarted", { runId, fingerprint: "sha256:x" }),
  ...backup(`${runId}-backup`, runId),
  stepStarted(runId, version),
  event("StepFailed", {
    ...stepRef(runId, version),
    error: { code: "sql-error", message: "no such table" },
    state: "unchanged",
    findings: [{ severity: "error", code: "x", message: "y" }],
  }),
  ...restore(`${runId}-restore`, `${runId}-backup`, runId),
  runFailed(runId, "restored"),
];

/** A step of which nobody knows; the run ends, and only a later restore tells. */
const unknownAndRestored = (runId: string, version: string): DomainEvent[] => [
  migration(version),
  ...backup(`${runId}-backup`),
  runRequested(runId, [version]),
  event("RunStarted", { runId, fingerprint: "sha256:x" }),
  stepStarted(runId, version),
  event("StepUnknown", { ...stepRef(runId, version), reason: "no marker can tell" }),
  event("DatabaseQuarantined", { code: "step-unknown", reason: "x" }),
  runFailed(runId, "unknown"),
  ...nextRun(runId),
  ...check(`${runId}-check`),
  ...restore(`${runId}-restore`, `${runId}-backup`, undefined, [
    event("StepResolved", {
      ...stepRef(runId, version),
      decision: "aborted",
      reason: "The database was restored",
    }),
  ]),
];

/** The process ends while a restore is under way: recovery ends the run, and later the restore. */
function restoredLate(runId: string, version: string): DomainEvent[] {
  const [requested, started, completed] = restore(`${runId}-restore`, `${runId}-backup`, runId);
  return [
    migration(version),
    runRequested(runId, [version]),
    event("RunStarted", { runId, fingerprint: "sha256:x" }),
    ...backup(`${runId}-backup`, runId),
    requested!,
    started!,
    runFailed(runId, "unknown"),
    ...nextRun(runId),
    completed!,
  ];
}

/** After it, the one before is not the newest any more. */
const nextRun = (runId: string): DomainEvent[] => [
  runRequested(`${runId}-next`, []),
  cancelled(`${runId}-next`),
];

const stepRef = (runId: string, version: string) =>
  ({ runId, attempt: `${runId}-${version}-up`, version, direction: "up" }) as const;

const runFailed = (runId: string, outcome: "restored" | "unknown"): DomainEvent =>
  event("RunFailed", { runId, error: { code: "x", message: "y" }, outcome, durationMs: 3 });

const ofRun = (runId: string | undefined) => (runId === undefined ? {} : { runId });

const backupStarted = (backupId: string, runId?: string): DomainEvent =>
  event("BackupStarted", { backupId, kind: "full", purpose: "run", ...ofRun(runId) });

const backupFailed = (backupId: string): DomainEvent =>
  event("BackupFailed", { backupId, error: { code: "disk-full", message: "no" } });

const backup = (backupId: string, runId?: string): DomainEvent[] => [
  backupStarted(backupId, runId),
  event("BackupCompleted", {
    backupId,
    bytes: 4096,
    storedBytes: 4096,
    sha256: "00",
    fingerprint: "sha256:f",
    // Names of tables are members: these must come through everything that is stored.
    rows: { $map: 1, $set: 2, ["__proto__"]: 3, 'a "b"': 4 },
    applied: [],
    incarnation: "i-1",
    durationMs: 1,
  }),
  event("BackupVerified", {
    backupId,
    quickCheck: "ok",
    fingerprint: "sha256:f",
    tables: 4,
    rows: 10,
    durationMs: 1,
  }),
];

const damaged = (backupId: string): DomainEvent =>
  event("BackupVerificationFailed", { backupId, error: { code: "backup-damaged", message: "x" } });

const check = (checkId: string, runId?: string): DomainEvent[] => [
  event("IntegrityCheckStarted", { checkId, level: "quick", ...ofRun(runId) }),
  event("IntegrityCheckCompleted", { checkId, status: "passed", findings: [], durationMs: 1 }),
];

const restore = (
  restoreId: string,
  backupId: string,
  runId: string | undefined,
  resolved: DomainEvent[] = [],
): DomainEvent[] => [
  event("RestoreRequested", { restoreId, backupId, reason: "why", ...ofRun(runId) }),
  event("RestoreStarted", {
    restoreId,
    backupId,
    safetyBackupId: null,
    incarnation: `i-${restoreId}`,
    reason: "why",
    ...ofRun(runId),
  }),
  ...resolved,
  event("RestoreCompleted", {
    restoreId,
    backupId,
    incarnation: `i-${restoreId}`,
    fingerprint: "sha256:f",
    schema: [],
    applied: [],
    rowsBefore: { a: 1 },
    rowsAfter: { a: 2 },
    durationMs: 1,
  }),
];

const failedRestore = (name: string): DomainEvent[] => [
  ...backup(`${name}-backup`),
  event("RestoreRequested", { restoreId: name, backupId: `${name}-backup`, reason: "why" }),
  event("RestoreFailed", {
    restoreId: name,
    error: { code: "database-locked", message: "busy" },
    state: "unchanged",
  }),
];
