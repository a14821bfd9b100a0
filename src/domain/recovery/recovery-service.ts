import type { BackupKeeper } from "../backup/backup-keeper.ts";
import { Abandoned } from "./abandoned.ts";
import { OpenRestores } from "./open-restores.ts";
import type { DatabaseEngine, Recovered } from "../engine/database-engine.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RunEvents, StepRef } from "../migration/events.ts";
import { diffSchema, type SchemaRenames } from "../schema/schema.ts";
import type { Context } from "../shared/actor.ts";
import { DomainError, Unavailable, failureOf } from "../shared/errors.ts";
import type { Owned } from "../shared/owned.ts";
import { outcomeKey, type Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, OpenAttempt, RestoreState } from "../state/state.ts";
import {
  CHANGES_LATER,
  schemasBetween,
  wasCommitted,
  type SchemaBetween,
  type SchemasBetween,
} from "./schemas-between.ts";

export type RecoveryReason = RunEvents["RecoveryStarted"]["reason"];

/** How long recovery waits for a live writer to end, ms. An orphaned executor may still commit. */
const RECOVERY_LOCK_TIMEOUT = 60_000;

/** Quarantines that end by themselves once recovery gets through: the right file is back. */
const TRANSIENT = new Set([
  "registration-failed",
  "recovery-failed",
  "foreign-database",
  "wrong-incarnation",
]);

/** Whether a run may be requested in spite of the quarantine: recovery looks again before it. */
export const mayEnd = ({ quarantine }: DatabaseState): boolean =>
  quarantine !== null && TRANSIENT.has(quarantine.code);

/**
 * Gives every intent without an outcome its outcome, found in the database's own markers under its
 * lock (dual-write §5). Idempotent: with nothing open it does nothing.
 */
export class RecoveryService {
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #ledger: Ledger;
  readonly #abandoned: Abandoned;
  readonly #sessions: Sessions;
  readonly #restores: OpenRestores;
  readonly #lockTimeoutMs: number;

  constructor(
    projection: Projection,
    recorder: Recorder,
    ledger: Ledger,
    keeper: BackupKeeper,
    sessions: Sessions,
    owned: Owned,
    lockTimeoutMs: number = RECOVERY_LOCK_TIMEOUT,
  ) {
    this.#projection = projection;
    this.#recorder = recorder;
    this.#ledger = ledger;
    this.#abandoned = new Abandoned(projection, recorder, keeper, owned);
    this.#sessions = sessions;
    this.#restores = new OpenRestores(projection, recorder, sessions, owned);
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  /**
   * Settles what is open on one database; the caller holds its turn. Throws when the database
   * cannot be looked at (and quarantines it then): nothing new may start before it could.
   */
  async settle(database: DatabaseState, reason: RecoveryReason, context: Context): Promise<void> {
    const own = { ...context, correlation: context.correlation ?? database.id };
    await this.#abandoned.settle(database, own);
    await this.#restores.settleFiles(database, own);
    if (!this.#mustLook(database)) return;
    try {
      await this.#sessions.use(database, database.id, ({ engine }) =>
        this.#look(database, engine, reason, own),
      );
    } catch (error) {
      await this.#quarantine(database, error, own);
      throw error;
    }
    if (mayEnd(database))
      await this.#record(database, own, {
        type: "DatabaseReleased",
        data: { reason: "Recovery could look at the database again" },
      });
  }

  /** Before a restore, which is the way out when the database cannot be read any more. */
  async settleIfReadable(database: DatabaseState, context: Context): Promise<void> {
    try {
      await this.settle(database, "before-work", context);
    } catch (error) {
      // The database is quarantined with this reason; the restore replaces its content.
      if (!(error instanceof DomainError)) throw error;
    }
  }

  #mustLook(database: DatabaseState): boolean {
    const attempts = this.#openAttempts(database);
    const restores = this.#restores.ofDatabase(database);
    const open = attempts.length > 0 || restores.length > 0;
    return open || database.fingerprint === null || mayEnd(database);
  }

  #openAttempts(database: DatabaseState): OpenAttempt[] {
    return [...database.openAttempts.values()].filter(({ unknown }) => !unknown);
  }

  async #look(
    database: DatabaseState,
    engine: DatabaseEngine,
    reason: RecoveryReason,
    context: Context,
  ): Promise<void> {
    if (database.fingerprint === null) {
      const installed = await engine.install(database.registered.index);
      const data = { ...installed, recovered: true };
      await this.#record(database, context, { type: "SchemaBaselined", data });
    }
    const attempts = this.#openAttempts(database);
    const restores = this.#restores.ofDatabase(database);
    await engine.beginRecovery(this.#lockTimeoutMs);
    const ids = attempts.map(({ attempt }) => attempt);
    const [started] = await this.#recorder.record(
      database.id,
      [{ type: "RecoveryStarted", data: { reason, attempts: ids } }],
      context,
    );
    const recovered = await engine.finishRecovery(started!.index, ids);
    refuseForeign(database, recovered, restores);
    for (const restore of restores)
      await this.#restores.settle(database, restore, recovered, context);
    const between = await schemasBetween(database, attempts, recovered, engine, this.#ledger);
    for (const attempt of attempts)
      if (database.openAttempts.has(attempt.attempt))
        await this.#settleAttempt(database, attempt, recovered, between, context);
  }

  async #settleAttempt(
    database: DatabaseState,
    attempt: OpenAttempt,
    recovered: Recovered,
    between: SchemasBetween,
    context: Context,
  ): Promise<void> {
    const { rehearsal = null } = this.#projection.state.runs.get(attempt.runId) ?? {};
    const event = outcomeOf(database, attempt, recovered, between, rehearsal);
    await this.#recorder.record(database.id, [event], context, {
      once: [outcomeKey(attempt.attempt)],
    });
    if (event.type !== "StepUnknown") return;
    const { version } = attempt;
    await this.#record(database, context, {
      type: "DatabaseQuarantined",
      data: {
        code: "step-unknown",
        reason: `Nobody can say whether version ${version} was applied; restore a backup to decide`,
      },
    });
  }

  async #quarantine(database: DatabaseState, error: unknown, context: Context): Promise<void> {
    if (database.quarantine !== null || isPassing(error)) return;
    const { code, message, hint } = failureOf(error);
    const known = error instanceof ForeignContent ? code : "recovery-failed";
    const next = hint === undefined ? "" : `. ${hint}`;
    await this.#record(database, context, {
      type: "DatabaseQuarantined",
      data: { code: known, reason: `${message} (${code})${next}` },
    });
  }

  async #record(database: DatabaseState, context: Context, event: DomainEvent): Promise<void> {
    await this.#recorder.record(database.id, [event], context);
  }
}

/** Failures that say nothing about the database: it is only busy, or we are ending. */
const isPassing = (error: unknown): boolean =>
  error instanceof Unavailable &&
  ["database-locked", "executor-killed", "executor-closed", "service-stopping"].includes(
    error.code,
  );

/** The file at the database's place is not the database of the ledger. */
class ForeignContent extends DomainError {}

function refuseForeign(
  database: DatabaseState,
  { meta }: Recovered,
  restores: readonly RestoreState[],
): void {
  if (meta.databaseId !== database.id)
    throw new ForeignContent("foreign-database", "Another database lies at this place", {
      hint: "Put the database back, or restore a backup",
    });
  const expected = [database.incarnation, ...restores.map(({ incarnation }) => incarnation)];
  if (!expected.includes(meta.incarnation))
    throw new ForeignContent("wrong-incarnation", "The database is not the one last restored", {
      hint: "Put the right file back, or restore a backup",
    });
}

/** What the marker says of an attempt (dual-write §5, d). */
function outcomeOf(
  database: DatabaseState,
  { attempt, runId, version, direction }: OpenAttempt,
  recovered: Recovered,
  between: SchemasBetween,
  rehearsal: RunEvents["RehearsalCompleted"] | null,
): DomainEvent {
  const ref = { attempt, runId, version, direction };
  const phase = recovered.phases[attempt];
  const probe = recovered.probes[attempt];
  if (wasCommitted(recovered, attempt)) {
    const reached = between.get(attempt) ?? { ...recovered.live, isCertain: true };
    const facts = recoveredFacts(database, reached, renamesOf(ref, rehearsal));
    return {
      type: direction === "up" ? "StepApplied" : "StepReverted",
      data: { ...ref, ...facts },
    };
  }
  if (phase === undefined || probe === "absent")
    return {
      type: "StepAborted",
      data: { ...ref, reason: "The database holds no marker of this attempt", recovered: true },
    };
  return {
    type: "StepUnknown",
    data: { ...ref, reason: "The step began outside a transaction and no probe can tell its end" },
  };
}

/** The same script renamed the same on the restored copy: only whoever ran it can tell. */
const renamesOf = (
  { version, direction }: StepRef,
  rehearsal: RunEvents["RehearsalCompleted"] | null,
): SchemaRenames | undefined =>
  rehearsal?.steps.find((step) => step.version === version && step.direction === direction)
    ?.renames;

/** What is still known of a step that was found committed. */
function recoveredFacts(
  database: DatabaseState,
  { fingerprint, schema, isCertain }: SchemaBetween,
  renames: SchemaRenames | undefined,
) {
  return {
    fingerprintBefore: database.fingerprint ?? "",
    fingerprintAfter: fingerprint,
    schemaChanges: diffSchema(database.schema, schema),
    ...(renames === undefined ? {} : { renames }),
    rows: [],
    statements: 0,
    durationMs: 0,
    lockMs: 0,
    findings: isCertain ? [] : [CHANGES_LATER],
    rewritings: [],
    recovered: true,
  };
}
