import { consentTo } from "../governance/admission.ts";
import { approvalsNeeded } from "../governance/approvals.ts";
import type { ApprovalService, Decision, Review } from "../governance/approval-service.ts";
import { demandsOn } from "../governance/demands.ts";
import { isRevoked, lapsed } from "../governance/gate.ts";
import type { DomainEvent, EventOf } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, NotFound } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { decide, type Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState } from "../state/state.ts";
import type { AnyUndertaking, PolicyChangeState } from "../state/undertaking.ts";
import type { DatabaseService } from "./database-service.ts";
import type { Policy } from "./events.ts";
import { policyDigest } from "./policy-digest.ts";
import { changed, isSame, type PolicyChange, type PolicyChecks } from "./policy.ts";
import { weakened } from "./weakened.ts";

export interface PolicyOrder {
  readonly change: PolicyChange;
  readonly reason?: string;
  /** Holds at once without approvals; needs a reason, and a review afterwards. */
  readonly emergency?: boolean;
}

/** What became of a change: made, or waiting for consent. */
export type PolicyOutcome =
  | { readonly made: DatabaseState }
  | { readonly waiting: PolicyChangeState };

export interface PolicyServiceParts {
  readonly databases: DatabaseService;
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly approvals: ApprovalService;
  readonly checks: PolicyChecks;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly ids: Ids;
}

/**
 * Changes what is demanded. A change by which a policy that asks for approvals demands less needs as
 * many as a destructive plan does under the policy as it is: else whoever may administer could take
 * away what others are to agree to. One that demands more, or the same, is made at once.
 */
export class PolicyService {
  readonly #parts: PolicyServiceParts;

  constructor(parts: PolicyServiceParts) {
    this.#parts = parts;
  }

  /** Errors: those of `changed` · `InvalidInput` reason-missing · `NotFound` database-not-found. */
  async change(name: string, order: PolicyOrder, context: Context): Promise<PolicyOutcome> {
    const { databases, recorder, ids } = this.#parts;
    const id = ids.uuid();
    const database = await decide(async () => {
      const found = databases.find(name);
      const { streamVersion: expected } = found;
      const events = this.#eventsOf(found, id, order);
      // Nothing happens: what waits is not outdated by it.
      if (events.length === 0) return found;
      const own = events.length > 1 || events[0]?.type !== "PolicyChanged";
      const correlated = own ? { ...context, correlation: id } : context;
      await recorder.record(found.id, events, correlated, { expected });
      return found;
    });
    const waiting = this.#parts.projection.state.policyChanges.get(id);
    return waiting === undefined || waiting.ended !== null ? { made: database } : { waiting };
  }

  #eventsOf(database: DatabaseState, id: string, order: PolicyOrder): DomainEvent[] {
    const { checks, clock, digest } = this.#parts;
    const { change, reason, emergency } = order;
    const policy = changed(database.policy, change, database.engine, checks);
    if (isSame(policy, database.policy)) return [];
    const weakens = weakened(database.policy, policy, clock.now());
    const needed = weakens.length === 0 ? 0 : asked(database.policy);
    if (needed === 0)
      return [{ type: "PolicyChanged", data: { policy, ...withoutAbsent({ reason }) } }];
    const circumstances = withoutAbsent({ reason, emergency });
    const { approvalsNeeded: approvals, reviewBy } = demandsOn(
      circumstances,
      database.policy,
      "destructive",
      clock.now(),
    );
    const requested: EventOf<"PolicyChangeRequested"> = {
      type: "PolicyChangeRequested",
      data: {
        policyChangeId: id,
        policy,
        weakens,
        planDigest: policyDigest(database, policy, digest),
        ...withoutAbsent({ approvalsNeeded: approvals, reviewBy, ...circumstances }),
      },
    };
    return emergency === true ? [requested, made(id, policy)] : [requested];
  }

  /** The last approval that it needs makes the change. Errors: those of `ApprovalService`. */
  async decide(id: string, decision: Decision, context: Context): Promise<PolicyChangeState> {
    const change = await this.find(id);
    const { approvals, projection, clock } = this.#parts;
    await approvals.decide(change, decision, context, (approved: AnyUndertaking) => {
      const { policy } = projection.state.databases.get(change.databaseId)!;
      const now = clock.now();
      const consent = consentTo(approved, policy, now, (key) => isRevoked(projection.state, key));
      const lapses = lapsed(change, consent);
      return consent.missing > 0 ? lapses : [...lapses, made(id, change.policy)];
    });
    return this.find(id);
  }

  /** Errors: those of `ApprovalService`. */
  async review(id: string, review: Review, context: Context): Promise<PolicyChangeState> {
    const change = await this.find(id);
    await this.#parts.approvals.review(change, review, context);
    return change;
  }

  /** Gives a change up that waits. Errors: `NotFound` policy-change-not-found · `Conflict` policy-change-ended. */
  async cancel(id: string, reason: string, context: Context): Promise<PolicyChangeState> {
    const change = await this.find(id);
    const { databases, recorder } = this.#parts;
    const database = databases.find(change.databaseId);
    await decide(async () => {
      const { streamVersion: expected } = database;
      if (change.ended !== null)
        throw new Conflict("policy-change-ended", `The change has already ended: ${change.status}`);
      const event = {
        type: "PolicyChangeCancelled",
        data: { policyChangeId: id, reason },
      } as const;
      await recorder.record(database.id, [event], { ...context, correlation: id }, { expected });
    });
    return change;
  }

  /** Error: `NotFound` policy-change-not-found. */
  async find(id: string): Promise<PolicyChangeState> {
    const change = await this.#parts.projection.find("policyChanges", id);
    if (change !== undefined) return change;
    throw new NotFound("policy-change-not-found", `There is no change of a policy ${id}`, {
      hint: "GET /v1/databases/{database}/policy-changes lists those of a database",
    });
  }
}

const asked = (policy: Policy): number =>
  approvalsNeeded(policy, {
    risk: "destructive",
    exception: false,
    emergency: false,
    exempt: null,
  });

const made = (policyChangeId: string, policy: Policy): EventOf<"PolicyChanged"> => ({
  type: "PolicyChanged",
  data: { policy, policyChangeId },
});
