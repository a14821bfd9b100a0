import { restoreOutcome } from "../backup/restore-job.ts";
import { databaseStream, type DomainEvent, type EventOf } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, InvalidInput, Refused, type DomainError } from "../shared/errors.ts";
import { decide, type Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState } from "../state/state.ts";
import type { AnyUndertaking } from "../state/undertaking.ts";
import { refuseInvolved, refuseOtherPlan, standing } from "./approvals.ts";
import type { QuietRecorder } from "../service/quiet-recorder.ts";
import type { Clock } from "../shared/clock.ts";
import type { Signatures } from "../trust/signatures.ts";
import { refuseUnknown, verifiedSignature } from "./approvers.ts";
import type { ApprovalDecision, ApprovalSignature, Consent, ReviewVerdict } from "./events.ts";
import { presentDigest } from "./present-digest.ts";
import { concerning, WORDS } from "./words.ts";

export interface Decision {
  readonly decision: ApprovalDecision;
  /** The plan that was looked at. */
  readonly planDigest: string;
  readonly comment?: string;
  /** What ssh-keygen or minisign made over what is approved and its digest. */
  readonly signature?: string;
}

export interface Review {
  readonly verdict: ReviewVerdict;
  readonly comment: string;
}

type Tried = Pick<EventOf<"ApprovalRefused">["data"], "decision" | "planDigest">;

export interface ApprovalMeans {
  readonly quiet: QuietRecorder;
  readonly signatures: Signatures;
  readonly clock: Clock;
}

/** What a decision brings with it, in the same append. */
export type Consequence = (approved: AnyUndertaking) => readonly DomainEvent[];

/** Takes the decisions of people, on whatever needs them. */
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
   * | author-approval | approver-not-known, and those of `verifiedSignature` · `Conflict` plan-changed | run-ended | run-started (and as much
   * of the other kinds) | approval-given | approval-missing. `then` says what an approval causes.
   */
  async decide(
    one: AnyUndertaking,
    decision: Decision,
    context: Context,
    then: Consequence = () => [],
  ): Promise<void> {
    const own = { ...context, correlation: one.id };
    const database = this.#databaseOf(one);
    await this.#recordingRefusal(one, decision, own, async () => {
      const { streamVersion } = database;
      const event = await this.#event(one, database, decision, context);
      const approved =
        decision.decision === "approve" ? then(withApproval(one, own, this.#now())) : [];
      await this.#recorder.record(database.id, [event, ...approved], own, {
        expected: streamVersion,
        // As every end of a restore: a cancellation at the same moment must not end it twice.
        ...(event.type === "RestoreRejected" ? restoreOutcome(one.id) : {}),
      });
    });
  }

  /**
   * Records that somebody else looked at an emergency, or that somebody involved tried. Errors: `InvalidInput` not-an-emergency
   * · `Conflict` reviewed-already | run-not-ended · `Refused` self-approval | author-approval.
   */
  async review(one: AnyUndertaking, review: Review, context: Context): Promise<void> {
    const own = { ...context, correlation: one.id };
    const database = this.#databaseOf(one);
    const looked = { decision: "review", planDigest: one.planDigest } as const;
    await this.#recordingRefusal(one, looked, own, async () => {
      const { streamVersion } = database;
      if (!one.emergency)
        throw new InvalidInput("not-an-emergency", "Only emergencies are reviewed", {
          hint: "What waits for consent is approved or rejected",
        });
      if (one.review !== null)
        throw new Conflict("reviewed-already", "The emergency was reviewed already", {
          hint: "Its review member has who did and what was found",
        });
      if (one.ended === null)
        throw new Conflict(WORDS[one.what].open, `The ${WORDS[one.what].name} has not ended`, {
          hint: "Review it when it has",
        });
      refuseInvolved(one, database, context.actor.id);
      const data = { ...concerning(one), ...review };
      await this.#recorder.record(database.id, [{ type: "EmergencyReviewed", data }], own, {
        expected: streamVersion,
      });
    });
  }

  async #event(
    one: AnyUndertaking,
    database: DatabaseState,
    { decision, planDigest, comment, signature: file }: Decision,
    context: Context,
  ): Promise<DomainEvent> {
    refuseDecided(one);
    const {
      actor: { id: actor },
      authn: { keyId },
    } = context;
    const said = comment === undefined ? {} : { comment };
    const mine = standing(one).find(({ given }) => given.actor === actor);
    switch (decision) {
      case "approve": {
        refuseInvolved(one, database, actor);
        refuseUnknown(database.policy, context);
        const present = await presentDigest(one, database, this.#projection, this.#digest);
        refuseOtherPlan(one, present, planDigest);
        if (mine !== undefined)
          throw new Conflict(
            "approval-given",
            `This actor has approved the ${nameOf(one)} already`,
            { hint: "It counts once; somebody else has to approve too if it still waits" },
          );
        const signature = this.#signature(one, database, file, actor);
        return approvalOf(one, {
          planDigest,
          fingerprint: database.fingerprint ?? "",
          meaning: WORDS[one.what].meaning,
          ...said,
          ...(keyId === undefined ? {} : { keyId }),
          ...(signature === undefined ? {} : { signature }),
        });
      }
      case "reject":
        refuseOtherPlan(one, one.planDigest, planDigest);
        return rejectionOf(one, comment ?? "No reason was given");
      case "withdraw":
        if (mine === undefined)
          throw new Conflict("approval-missing", "This actor has no approval to withdraw", {
            hint: "Withdraw with the key or token that approved",
          });
        return { type: "ApprovalWithdrawn", data: { ...concerning(one), ...said } };
    }
  }

  #signature(
    { what, id, planDigest }: AnyUndertaking,
    { policy }: DatabaseState,
    signature: string | undefined,
    actor: string,
  ): ApprovalSignature | undefined {
    const toApprove = { what, id, planDigest, signature };
    return verifiedSignature(policy, toApprove, actor, this.#now(), this.#means.signatures);
  }

  async #recordingRefusal(
    one: AnyUndertaking,
    tried: Tried,
    context: Context,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await decide(work);
    } catch (error) {
      if (isRefusal(error)) await this.#recordRefusal(one, tried, error.code, context);
      throw error;
    }
  }

  async #recordRefusal(
    one: AnyUndertaking,
    { decision, planDigest }: Tried,
    code: string,
    context: Context,
  ): Promise<void> {
    const { idempotency: _used, ...rest } = context;
    await this.#means.quiet.note({
      // Each kind of decision is told: whoever tries to approve and then to review did both.
      key: `${decision} ${code} ${context.actor.id} ${one.id}`,
      stream: databaseStream(one.databaseId),
      context: rest,
      event: (repeated) => ({
        type: "ApprovalRefused",
        data: {
          ...concerning(one),
          decision,
          code,
          planDigest,
          ...(repeated === 0 ? {} : { repeated }),
        },
      }),
    });
  }

  #now(): string {
    return this.#means.clock.now();
  }

  #databaseOf(one: AnyUndertaking): DatabaseState {
    return this.#projection.state.databases.get(one.databaseId)!;
  }
}

function refuseDecided(one: AnyUndertaking): void {
  const { name, place, ended, started } = WORDS[one.what];
  if (one.ended !== null)
    throw new Conflict(ended, `The ${name} has already ended: ${one.status}`, {
      hint: `GET /v1/${place}/${one.id} has how and why; request it again if it is still wanted`,
    });
  if (one.started !== null)
    throw new Conflict(started, `The ${name} has begun`, {
      hint: `POST /v1/${place}/${one.id}/cancel stops it`,
    });
}

const nameOf = ({ what }: AnyUndertaking): string => WORDS[what].name;

function approvalOf({ what, id }: AnyUndertaking, consent: Consent): DomainEvent {
  switch (what) {
    case "run":
      return { type: "RunApproved", data: { runId: id, ...consent } };
    case "restore":
      return { type: "RestoreApproved", data: { restoreId: id, ...consent } };
    case "policy-change":
      return { type: "PolicyChangeApproved", data: { policyChangeId: id, ...consent } };
  }
}

function rejectionOf({ what, id }: AnyUndertaking, reason: string): DomainEvent {
  switch (what) {
    case "run":
      return { type: "RunRejected", data: { runId: id, reason } };
    case "restore":
      return { type: "RestoreRejected", data: { restoreId: id, reason } };
    case "policy-change":
      return { type: "PolicyChangeRejected", data: { policyChangeId: id, reason } };
  }
}

/** As it will be with the approval that is about to be recorded. */
function withApproval<T extends AnyUndertaking>(
  one: T,
  { actor, authn }: Context,
  time: string,
): T {
  const given = { index: -1, time, actor: actor.id };
  const approval = {
    given,
    planDigest: one.planDigest,
    comment: undefined,
    keyId: authn.keyId,
    signature: undefined,
    ended: null,
  };
  return { ...one, approvals: [...one.approvals, approval] };
}

/** Also what is only too late or tried again: a replay is an attack like another. */
const isRefusal = (error: unknown): error is DomainError =>
  error instanceof Refused ||
  (error instanceof Conflict && error.code !== "expected-version-conflict");
