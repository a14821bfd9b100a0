import type { Policy } from "../../database/events.ts";
import { databaseIdOf, type EventType, type RecordedEvent } from "../../events.ts";
import type { Calendar } from "../../governance/calendar.ts";
import type { Concerns } from "../../governance/events.ts";
import type { EventScan } from "../event-scan.ts";
import { handle, type EventHandlers } from "../event-handlers.ts";
import { evidence } from "./change-collector.ts";
import type { Evidence } from "./change.ts";
import type { Exception } from "./exceptions.ts";

/** What was asked for, and who agreed to it. */
interface Asked {
  readonly name: string;
  readonly databaseId: string | null;
  readonly runId: string | null;
  readonly requested: Evidence;
  readonly needed: number;
  readonly emergency: boolean;
  /** May begin outside the window: asked for so, or nobody is asked. */
  readonly free: boolean;
  readonly reviewBy: string | null;
  /** Actors whose approvals stand, by the index of the approval. */
  readonly approvals: Map<number, string>;
  isReviewed: boolean;
}

const TYPES = [
  "DatabaseRegistered",
  "PolicyChanged",
  "RunRequested",
  "RestoreRequested",
  "PolicyChangeRequested",
  "RestoreApproved",
  "PolicyChangeApproved",
  "ApprovalWithdrawn",
  "ApprovalExpired",
  "EmergencyReviewed",
] as const satisfies readonly EventType[];

/**
 * Looks whether restores and changes of policies had the consent that was demanded, and began in their
 * time, by the events and the calendar alone: not by what the service decided then. Emergencies of
 * every kind are named until they are reviewed, in whatever period.
 */
export class ConsentCheck {
  readonly #calendar: Pick<Calendar, "isOpen">;
  readonly #first: number;
  readonly #policies = new Map<string, Policy>();
  readonly #asked = new Map<string, Asked>();
  readonly #found: Exception[] = [];

  private constructor(first: number, calendar: Pick<Calendar, "isOpen">) {
    this.#first = first;
    this.#calendar = calendar;
  }

  /** With what was asked for before the event `first`. */
  static async before(
    first: number,
    scan: EventScan,
    calendar: Pick<Calendar, "isOpen">,
  ): Promise<ConsentCheck> {
    const check = new ConsentCheck(first, calendar);
    for await (const events of scan.chunks({ first: 0, last: first - 1 }, { types: TYPES }))
      for (const event of events) check.add(event);
    return check;
  }

  add(event: RecordedEvent): void {
    handle(this.#handlers, event);
  }

  readonly #handlers: EventHandlers = {
    DatabaseRegistered: ({ stream, data }) => this.#policies.set(stream, data.policy),
    PolicyChanged: (event) => {
      this.#policyChanged(event, event.data.policyChangeId);
      this.#policies.set(event.stream, event.data.policy);
    },
    RunRequested: (event) => {
      if (event.data.emergency === true) this.#ask("run", event.data.runId, event, event.data);
    },
    RestoreRequested: (event) => this.#ask("restore", event.data.restoreId, event, event.data),
    PolicyChangeRequested: (event) =>
      this.#ask("change of the policy", event.data.policyChangeId, event, event.data),
    RestoreApproved: (event) => this.#of(event.data)?.approvals.set(event.index, event.actor.id),
    PolicyChangeApproved: (event) =>
      this.#of(event.data)?.approvals.set(event.index, event.actor.id),
    ApprovalWithdrawn: (event) => {
      const approvals = this.#of(event.data)?.approvals ?? new Map<number, string>();
      for (const [index, actor] of approvals) if (actor === event.actor.id) approvals.delete(index);
    },
    ApprovalExpired: ({ data }) => {
      for (const index of data.approvals) this.#of(data)?.approvals.delete(index);
    },
    EmergencyReviewed: (event) => {
      const asked = this.#of(event.data);
      if (asked !== undefined) asked.isReviewed = true;
    },
    RestoreStarted: (event) => this.#restoreStarted(event, event.data.restoreId),
  };

  /** `isReported`: of a run that the report shows by itself. `to`: the end of the period. */
  all(isReported: (runId: string) => boolean, to: string): readonly Exception[] {
    const missing = [...this.#asked].filter(
      ([id, { emergency, isReviewed, reviewBy, name }]) =>
        emergency &&
        !isReviewed &&
        reviewBy !== null &&
        reviewBy < to &&
        !(name === "run" && isReported(id)),
    );
    return [
      ...this.#found,
      ...missing.map(([, asked]) => {
        const text = `The emergency ${asked.name} should have been reviewed by ${asked.reviewBy}`;
        return exceptionOf("review-missing", asked, asked.requested, text);
      }),
    ];
  }

  #ask(
    name: string,
    id: string,
    event: RecordedEvent,
    data: {
      readonly approvalsNeeded?: number;
      readonly emergency?: boolean;
      readonly exception?: boolean;
      readonly exempt?: string;
      readonly reviewBy?: string;
      readonly runId?: string;
    },
  ): void {
    const { approvalsNeeded = 0, emergency = false, exception = false, exempt, reviewBy } = data;
    const asked: Asked = {
      name,
      databaseId: databaseIdOf(event.stream) ?? null,
      runId: data.runId ?? null,
      requested: evidence(event),
      needed: approvalsNeeded,
      emergency,
      free: emergency || exception || exempt !== undefined,
      reviewBy: reviewBy ?? null,
      approvals: new Map(),
      isReviewed: false,
    };
    this.#asked.set(id, asked);
    if (name === "run") return;
    if (emergency) this.#note("emergency", asked, event, `The ${name} began without approvals`);
    if (exempt === "database-broken")
      this.#note("consent-exempt", asked, event, "Nobody was asked: the database was broken");
  }

  #restoreStarted(event: RecordedEvent, restoreId: string): void {
    const asked = this.#asked.get(restoreId);
    if (asked === undefined) return;
    if (asked.approvals.size < asked.needed)
      this.#note(
        "approvals-missing",
        asked,
        event,
        "Began with fewer approvals than were demanded",
      );
    const policy = this.#policies.get(event.stream);
    if (asked.free || policy === undefined) return;
    if (policy.window !== undefined && !this.#calendar.isOpen(policy.window, event.time))
      this.#note(
        "began-outside-window",
        asked,
        event,
        "A restore began while the window was closed",
      );
    const at = Date.parse(event.time);
    if (policy.freezes?.some(({ from, to }) => Date.parse(from) <= at && at < Date.parse(to)))
      this.#note("began-outside-window", asked, event, "A restore began during a freeze");
  }

  #policyChanged(event: RecordedEvent, id: string | undefined): void {
    const asked = id === undefined ? undefined : this.#asked.get(id);
    if (asked !== undefined && asked.approvals.size < asked.needed)
      this.#note("approvals-missing", asked, event, "Made with fewer approvals than were demanded");
  }

  #of({ runId, restoreId, policyChangeId }: Concerns): Asked | undefined {
    return this.#asked.get(runId ?? restoreId ?? policyChangeId ?? "");
  }

  #note(kind: string, asked: Asked, event: RecordedEvent, text: string): void {
    if (event.index >= this.#first)
      this.#found.push(exceptionOf(kind, asked, evidence(event), text));
  }
}

const exceptionOf = (
  kind: string,
  { databaseId, runId }: Asked,
  { index, time, actor }: Evidence,
  text: string,
): Exception => ({ kind, index, time, actor, databaseId, runId, text });
