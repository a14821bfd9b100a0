import type { Ledger } from "../../ledger/ledger.ts";
import type { RecordedEvent } from "../../events.ts";
import { handle, type EventHandlers, type Recorded } from "../event-handlers.ts";
import type { Period } from "../period.ts";

/** Numbers that must be equal, or zero, if the population is complete. */
export interface Completeness {
  /** Events by their indexes, and as they were read. */
  readonly events: { readonly expected: number; readonly read: number };
  readonly indexGaps: number;
  readonly streamGaps: number;
  /** Events that are earlier than one before them: a clock was set back. */
  readonly timesSetBack: number;
  readonly longestSilenceMs: number;
  readonly schemaTransitions: number;
  /** Schemas that a step or decision found other than the one before had left them. */
  readonly unexplainedTransitions: number;
  readonly attempts: number;
  readonly attemptsWithoutOutcome: number;
  /** Databases that steps or restores changed, and those whose markers and schema were then checked. */
  readonly databasesChanged: number;
  readonly databasesReconciled: number;
  /** True if nothing of the above is missing. */
  readonly complete: boolean;
}

/** Index of a fault, for people to look at. */
export interface Fault {
  readonly code: string;
  readonly index: number;
  readonly stream: string;
}

/** Faults that are told one by one; all are counted. */
const MOST_FAULTS = 1000;

/** Looks for what is missing, while the events of a period pass. */
export class CompletenessCheck {
  readonly #period: Period;
  readonly #streams = new Map<string, { first: number; firstIndex: number; next: number }>();
  readonly #fingerprints = new Map<string, string>();
  /** Database → whether it was checked since it was last changed. */
  readonly #checked = new Map<string, boolean>();
  readonly #open = new Set<string>();
  /** The first step on each database whose schema is not known from the period itself. */
  readonly #begin = new Map<string, Recorded<"StepApplied" | "StepReverted">>();
  readonly faults: Fault[] = [];
  #read = 0;
  #next: number;
  #time = "";
  #indexGaps = 0;
  #streamGaps = 0;
  #setBack = 0;
  #silence = 0;
  #transitions = 0;
  #unexplained = 0;
  #attempts = 0;

  constructor(period: Period) {
    this.#period = period;
    this.#next = period.first;
  }

  add(event: RecordedEvent): void {
    this.#read += 1;
    if (event.index !== this.#next) {
      this.#indexGaps += 1;
      this.#fault("index-gap", event);
    }
    this.#next = event.index + 1;
    this.#followTime(event.time);
    this.#followStream(event);
    handle(this.#handlers, event);
  }

  /** `schemaBefore` gives the fingerprint a database had when the period began. */
  async result(
    ledger: Pick<Ledger, "read">,
    schemaBefore: (stream: string) => Promise<string | undefined>,
  ): Promise<Completeness> {
    await this.#joinStreams(ledger);
    await this.#joinSchemas(schemaBefore);
    const { first, last } = this.#period;
    const expected = Math.max(last - first + 1, 0);
    const reconciled = [...this.#checked.values()].filter(Boolean).length;
    const found = {
      events: { expected, read: this.#read },
      indexGaps: this.#indexGaps,
      streamGaps: this.#streamGaps,
      timesSetBack: this.#setBack,
      longestSilenceMs: this.#silence,
      schemaTransitions: this.#transitions,
      unexplainedTransitions: this.#unexplained,
      attempts: this.#attempts,
      attemptsWithoutOutcome: this.#open.size,
      databasesChanged: this.#checked.size,
      databasesReconciled: reconciled,
    };
    const complete =
      expected === this.#read &&
      found.indexGaps + found.streamGaps + found.unexplainedTransitions + this.#open.size === 0;
    return { ...found, complete };
  }

  readonly #handlers: EventHandlers = {
    SchemaBaselined: ({ stream, data }) => this.#fingerprints.set(stream, data.fingerprint),
    StepStarted: ({ data }) => {
      this.#attempts += 1;
      this.#open.add(data.attempt);
    },
    StepApplied: (event) => this.#committed(event),
    StepReverted: (event) => this.#committed(event),
    StepFailed: ({ data }) => this.#open.delete(data.attempt),
    StepAborted: ({ data }) => this.#open.delete(data.attempt),
    StepResolved: ({ data }) => this.#open.delete(data.attempt),
    RestoreCompleted: ({ stream, data }) => {
      this.#fingerprints.set(stream, data.fingerprint);
      this.#checked.set(stream, false);
    },
    DriftResolved: ({ stream, data }) => {
      if (data.adopted === undefined) return;
      this.#transitions += 1;
      this.#fingerprints.set(stream, data.adopted.fingerprint);
    },
    IntegrityCheckCompleted: ({ stream, data }) => {
      if (data.status === "passed" && this.#checked.has(stream)) this.#checked.set(stream, true);
    },
  };

  #committed(event: Recorded<"StepApplied" | "StepReverted">): void {
    const { stream, data } = event;
    this.#open.delete(data.attempt);
    this.#checked.set(stream, false);
    this.#transitions += 1;
    const known = this.#fingerprints.get(stream);
    if (known === undefined) this.#begin.set(stream, event);
    else if (known !== data.fingerprintBefore) this.#unexplain(event);
    this.#fingerprints.set(stream, data.fingerprintAfter);
  }

  #followTime(time: string): void {
    if (time < this.#time) this.#setBack += 1;
    else if (this.#time !== "")
      this.#silence = Math.max(this.#silence, Date.parse(time) - Date.parse(this.#time));
    if (time > this.#time) this.#time = time;
  }

  #followStream(event: RecordedEvent): void {
    const { stream, streamVersion, index } = event;
    const known = this.#streams.get(stream);
    if (known === undefined) {
      const next = streamVersion + 1;
      this.#streams.set(stream, { first: streamVersion, firstIndex: index, next });
      return;
    }
    if (streamVersion !== known.next) {
      this.#streamGaps += 1;
      this.#fault("stream-gap", event);
    }
    known.next = streamVersion + 1;
  }

  /** What came before the period must end just below where the period's events begin. */
  async #joinStreams(ledger: Pick<Ledger, "read">): Promise<void> {
    for (const [stream, { first, firstIndex }] of this.#streams) {
      const query = { stream, after: firstIndex, limit: 1, order: "desc" } as const;
      const [before] = firstIndex === 0 ? [] : await ledger.read(query);
      if ((before?.streamVersion ?? -1) + 1 === first) continue;
      this.#streamGaps += 1;
      this.faults.push({ code: "stream-gap", index: firstIndex, stream });
    }
  }

  /** The first step of the period must have found what the period began with. */
  async #joinSchemas(schemaBefore: (stream: string) => Promise<string | undefined>): Promise<void> {
    for (const [stream, event] of this.#begin) {
      const before = await schemaBefore(stream);
      if (before !== event.data.fingerprintBefore) this.#unexplain(event);
    }
  }

  #unexplain(event: RecordedEvent): void {
    this.#unexplained += 1;
    this.#fault("unexplained-transition", event);
  }

  #fault(code: string, { index, stream }: RecordedEvent): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push({ code, index, stream });
  }
}
