import type { Assurance, AssuranceKind } from "../assurance/assurance.ts";
import type { BackupService } from "../backup/backup-service.ts";
import type { DriftService } from "../database/drift-service.ts";
import type { DatabaseJobs } from "../engine/database-jobs.ts";
import type { IntegrityService } from "../integrity/integrity-service.ts";
import type { CheckLevel } from "../integrity/events.ts";
import type { Finding } from "../migration/events.ts";
import type { PruneService } from "../retention/prune-service.ts";
import type { Context } from "../shared/actor.ts";
import type { Failure } from "../shared/errors.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import { INTERRUPTED, type FiringStatus, type Schedule, type ScheduledTask } from "./events.ts";

/** How the work of a firing ended. */
export interface WorkEnd {
  readonly status: FiringStatus;
  readonly operation?: string;
  readonly error?: Failure;
  /** An alert of its own was raised about it. */
  readonly alerted?: boolean;
}

export interface ScheduledWorkParts {
  readonly jobs: DatabaseJobs;
  readonly backups: BackupService;
  readonly integrity: IntegrityService;
  readonly drift: DriftService;
  readonly assurance: Assurance;
  readonly prunes: PruneService;
}

type Work = (databaseId: string, schedule: Schedule, context: Context) => Promise<WorkEnd>;

/** Does what schedules ask for, by the services that do it on request, and tells how it ended. */
export class ScheduledWork {
  readonly #parts: ScheduledWorkParts;
  readonly #works: { readonly [T in ScheduledTask]: Work };

  constructor(parts: ScheduledWorkParts) {
    this.#parts = parts;
    this.#works = {
      backup: (id, _, context) => this.#backUp(id, context),
      "integrity-check": (id, { level }, context) => this.#check(id, level, context),
      "drift-check": (id, _, context) => this.#lookForDrift(id, context),
      scrub: (id, _, context) => this.#assure("scrub", id, context),
      drill: (id, _, context) => this.#assure("drill", id, context),
      prune: (id, { name }, context) => this.#prune(id, name, context),
    };
  }

  /** Resolves when the work has ended. Errors: those of the service that refuses it. */
  perform(databaseId: string, schedule: Schedule, context: Context): Promise<WorkEnd> {
    return this.#works[schedule.task](databaseId, schedule, context);
  }

  async #backUp(databaseId: string, context: Context): Promise<WorkEnd> {
    const { id: operation } = await this.#parts.backups.request(databaseId, {}, context);
    await this.#itsTurn(databaseId);
    const { status, error } = await this.#parts.backups.find(operation);
    if (status === "verified") return { status: "succeeded", operation };
    const why = error ?? (status === "completed" ? UNVERIFIED : NOT_CARRIED_OUT);
    return { status: error === null ? "aborted" : "failed", operation, error: why };
  }

  async #check(
    databaseId: string,
    level: CheckLevel | undefined,
    context: Context,
  ): Promise<WorkEnd> {
    const input = withoutAbsent({ level });
    const { id: operation } = await this.#parts.integrity.request(databaseId, input, context);
    await this.#itsTurn(databaseId);
    const { status, findings } = await this.#parts.integrity.find(operation);
    if (status === "passed") return { status: "succeeded", operation };
    const error = failureIn(findings) ?? NOT_CARRIED_OUT;
    return { status: status === "failed" ? "failed" : "aborted", operation, error };
  }

  /** Runs that only wait do not keep it from looking: they may wait for days. */
  async #lookForDrift(databaseId: string, context: Context): Promise<WorkEnd> {
    const { found, expected, differences } = await this.#parts.drift.check(databaseId, context, {
      patient: true,
    });
    if (found === expected) return { status: "succeeded" };
    const message = `The schema is not the one the ledger knows: ${differences.length} differences`;
    return { status: "failed", error: { code: "drift", message, hint: DRIFT_HINT } };
  }

  async #assure(kind: AssuranceKind, databaseId: string, context: Context): Promise<WorkEnd> {
    const { assurance } = this.#parts;
    const { id: operation } = await assurance.request(kind, databaseId, {}, context);
    await this.#itsTurn(databaseId);
    const { status, drill, scrub } = await assurance.find(kind, operation);
    if (status === "passed") return { status: "succeeded", operation };
    const error =
      failureIn(drill?.findings ?? []) ??
      (status === "failed" ? damaged(scrub?.damaged ?? []) : scrub?.unread[0]?.error) ??
      NOT_CARRIED_OUT;
    const ended = status === "failed" ? "failed" : "aborted";
    return { status: ended, operation, error, alerted: drill !== null || scrub !== null };
  }

  async #prune(databaseId: string, name: string, context: Context): Promise<WorkEnd> {
    const { prunes } = this.#parts;
    const reason = `Schedule ${name}`;
    const { id: operation } = await prunes.request(databaseId, { reason }, context);
    await this.#itsTurn(databaseId);
    const { status, error } = await prunes.find(operation);
    if (status === "succeeded") return { status: "succeeded", operation };
    return {
      status: error === null ? "aborted" : "failed",
      operation,
      error: error ?? NOT_CARRIED_OUT,
    };
  }

  /** What was asked for before has then ended: a database has its jobs one after another. */
  async #itsTurn(databaseId: string): Promise<void> {
    try {
      await this.#parts.jobs.run(databaseId, () => Promise.resolve());
    } catch {
      // The service is stopping: nothing begins any more, and what had begun has ended.
    }
  }
}

const DRIFT_HINT = "POST /v1/databases/{database}/drift/adoptions or …/drift/reversals decides";

const UNVERIFIED: Failure = {
  code: "backup-unverified",
  message: "The backup is stored, but could not be verified",
};

const NOT_CARRIED_OUT: Failure = {
  code: INTERRUPTED,
  message: "It could not be brought to an end",
};

const damaged = (backups: readonly string[]): Failure => ({
  code: "backup-damaged",
  message: `${backups.length} backups are damaged`,
});

function failureIn(findings: readonly Finding[]): Failure | undefined {
  const worst = findings.find(({ severity }) => severity === "error");
  if (worst === undefined) return undefined;
  const { code, message, hint } = worst;
  return { code, message, ...withoutAbsent({ hint }) };
}
