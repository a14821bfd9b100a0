import { databaseStream, type DomainEvent, type EventOf } from "../events.ts";
import { planMigrate, planRollback, BEFORE_ALL } from "../migration/plan.ts";
import type { Context } from "../shared/actor.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, InvalidInput, Refused, type DomainError } from "../shared/errors.ts";
import { decide, type Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RunState } from "../state/state.ts";
import { refuseInvolved, refuseOtherPlan, standing } from "./approvals.ts";
import type { QuietRecorder } from "../service/quiet-recorder.ts";
import type { Clock } from "../shared/clock.ts";
import type { Signatures } from "../trust/signatures.ts";
import { refuseUnknown, verifiedSignature } from "./approvers.ts";
import type { ApprovalDecision, ApprovalSignature, ReviewVerdict } from "./events.ts";

export interface Decision {
  readonly decision: ApprovalDecision;
  /** The plan that was looked at. */
  readonly planDigest: string;
  readonly comment?: string;
  /** What ssh-keygen or minisign made over run and plan. */
  readonly signature?: string;
}

export interface Review {
  readonly verdict: ReviewVerdict;
  readonly comment: string;
}

type Tried = Pick<EventOf<"ApprovalRefused">["data"], "decision" | "planDigest">;

/** What an approval means where it is printed (21 CFR 11.50). */
const MEANING = "Approves that exactly this plan is executed on this database";

export interface ApprovalMeans {
  readonly quiet: QuietRecorder;
  readonly signatures: Signatures;
  readonly clock: Clock;
}

/** Takes the decisions of people on runs. */
export class ApprovalService {
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #digest: Digest;
  readonly #means: ApprovalMeans;

  constructor(projection: Projection, recorder: Recorder, digest: Digest, means: ApprovalMeans) {
    this.#projection = projection;
    this.#recorder = recorder;
    this.#digest = digest;
    this.#means = means;
  }

  /**
   * Records the decision; one that is refused is recorded as well. Errors: `Refused` self-approval
   * | author-approval | approver-not-known, and those of `verifiedSignature` · `Conflict` plan-changed | run-ended | run-started | approval-given |
   * approval-missing.
   */
  async decide(run: RunState, decision: Decision, context: Context): Promise<void> {
    const own = { ...context, correlation: run.id };
    const database = this.#databaseOf(run);
    await this.#recordingRefusal(run, decision, own, async () => {
      const { streamVersion } = database;
      const event = this.#event(run, database, decision, context);
      await this.#recorder.record(database.id, [event], own, { expected: streamVersion });
    });
  }

  /**
   * Records that somebody else looked at an emergency run, or that somebody involved tried. Errors: `InvalidInput` not-an-emergency
   * · `Conflict` reviewed-already | run-not-ended · `Refused` self-approval | author-approval.
   */
  async review(run: RunState, review: Review, context: Context): Promise<void> {
    const own = { ...context, correlation: run.id };
    const database = this.#databaseOf(run);
    const looked = { decision: "review", planDigest: run.planDigest } as const;
    await this.#recordingRefusal(run, looked, own, async () => {
      const { streamVersion } = database;
      if (!run.emergency)
        throw new InvalidInput("not-an-emergency", "Only emergency runs are reviewed");
      if (run.review !== null)
        throw new Conflict("reviewed-already", "The emergency was reviewed already");
      if (run.ended === null)
        throw new Conflict("run-not-ended", "The run has not ended", {
          hint: "Review it when it has",
        });
      refuseInvolved(run, database, context.actor.id);
      const data = { runId: run.id, ...review };
      await this.#recorder.record(database.id, [{ type: "EmergencyReviewed", data }], own, {
        expected: streamVersion,
      });
    });
  }

  #event(
    run: RunState,
    database: DatabaseState,
    { decision, planDigest, comment, signature: file }: Decision,
    context: Context,
  ): DomainEvent {
    refuseDecided(run);
    const {
      actor: { id: actor },
      authn: { keyId },
    } = context;
    const said = comment === undefined ? {} : { comment };
    const mine = standing(run).find(({ given }) => given.actor === actor);
    switch (decision) {
      case "approve": {
        refuseInvolved(run, database, actor);
        refuseUnknown(database.policy, context);
        refuseOtherPlan(run, this.#presentDigest(run, database), planDigest);
        if (mine !== undefined)
          throw new Conflict("approval-given", "This actor has approved the run already");
        const signature = this.#signature(run, database, file, actor);
        return {
          type: "RunApproved",
          data: {
            runId: run.id,
            planDigest,
            fingerprint: database.fingerprint ?? "",
            meaning: MEANING,
            ...said,
            ...(keyId === undefined ? {} : { keyId }),
            ...(signature === undefined ? {} : { signature }),
          },
        };
      }
      case "reject":
        refuseOtherPlan(run, run.planDigest, planDigest);
        return {
          type: "RunRejected",
          data: { runId: run.id, reason: comment ?? "No reason was given" },
        };
      case "withdraw":
        if (mine === undefined)
          throw new Conflict("approval-missing", "This actor has no approval to withdraw");
        return { type: "ApprovalWithdrawn", data: { runId: run.id, ...said } };
    }
  }

  #signature(
    { id: runId, planDigest }: RunState,
    { policy }: DatabaseState,
    signature: string | undefined,
    actor: string,
  ): ApprovalSignature | undefined {
    const { signatures, clock } = this.#means;
    return verifiedSignature(
      policy,
      { runId, planDigest, signature },
      actor,
      clock.now(),
      signatures,
    );
  }

  #presentDigest(run: RunState, database: DatabaseState): string {
    const plan =
      run.kind === "migrate"
        ? planMigrate(database, run.to ?? undefined, this.#digest)
        : planRollback(database, run.to ?? BEFORE_ALL, this.#digest);
    return plan.planDigest;
  }

  async #recordingRefusal(
    run: RunState,
    tried: Tried,
    context: Context,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await decide(work);
    } catch (error) {
      if (isRefusal(error)) await this.#recordRefusal(run, tried, error.code, context);
      throw error;
    }
  }

  async #recordRefusal(
    run: RunState,
    { decision, planDigest }: Tried,
    code: string,
    context: Context,
  ): Promise<void> {
    const { idempotency: _used, ...rest } = context;
    await this.#means.quiet.note({
      key: `${decision} ${code} ${context.actor.id} ${run.id}`,
      stream: databaseStream(run.databaseId),
      context: rest,
      event: (repeated) => ({
        type: "ApprovalRefused",
        data: {
          runId: run.id,
          decision,
          code,
          planDigest,
          ...(repeated === 0 ? {} : { repeated }),
        },
      }),
    });
  }

  #databaseOf(run: RunState): DatabaseState {
    return this.#projection.state.databases.get(run.databaseId)!;
  }
}

function refuseDecided(run: RunState): void {
  if (run.ended !== null)
    throw new Conflict("run-ended", `The run has already ended: ${run.status}`);
  if (run.started !== null)
    throw new Conflict("run-started", "The run has begun", {
      hint: `POST /v1/runs/${run.id}/cancel stops it`,
    });
}

/** Also what is only too late or tried again: a replay is an attack like another. */
const isRefusal = (error: unknown): error is DomainError =>
  error instanceof Refused ||
  (error instanceof Conflict && error.code !== "expected-version-conflict");
