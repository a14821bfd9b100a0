import { SERVICE_STREAM } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { AuditAccess } from "./events.ts";

/**
 * Which answers are recorded: every one; every one, of which one in so many is told and the others are
 * counted; or only those made for taking away, which are told in any case. None where the ledger
 * can only be read.
 */
export type AuditReads = "all" | `sample:${number}` | "exports" | "none";

/** How long an answer waits for others to be recorded with it, ms: at first, and at most. */
const FIRST_MS = 1_000;
const MOST_MS = 300_000;
/** The wait grows by this with each batch of a reader who reads on. */
const GROWTH = 4;
/** Answers of a batch that are told one by one; the others are counted. */
const SHOWN = 20;

interface Batch {
  readonly context: Context;
  readonly from: string;
  to: string;
  answers: number;
  readonly shown: AuditAccess[];
}

interface Reader {
  waitMs: number;
  reads: number;
  batch: Batch | undefined;
  /** When the last batch was recorded, on the clock's own scale. */
  recorded: number;
}

/**
 * Records who was given what of the audit history. The first answer to a reader is recorded within
 * a second; whoever reads on is recorded in fewer and fewer batches, so that reading the history
 * for ever does not fill it.
 */
export class AccessLog {
  readonly #ledger: Pick<Ledger, "append">;
  readonly #clock: Clock;
  readonly #reads: AuditReads;
  readonly #oneIn: number;
  readonly #report: (error: unknown) => void;
  readonly #readers = new Map<string, Reader>();

  constructor(
    ledger: Pick<Ledger, "append">,
    clock: Clock,
    reads: AuditReads,
    report: (error: unknown) => void,
  ) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#reads = reads;
    this.#oneIn = reads.startsWith("sample:") ? Number(reads.slice("sample:".length)) : 1;
    this.#report = report;
  }

  /** Takes note of an answer; it is recorded a little later, at the latest by `flush`. */
  note(context: Context, access: Omit<AuditAccess, "time" | "requestId">): void {
    if (this.#reads === "none") return;
    const exported = isExport(access);
    if (this.#reads === "exports" && !exported) return;
    const time = this.#clock.now();
    const { reader, key } = this.#readerOf(context);
    if (reader.batch === undefined) {
      reader.batch = { context, from: time, to: time, answers: 0, shown: [] };
      void this.#clock.sleep(reader.waitMs).then(() => this.#record(key));
    }
    const { batch } = reader;
    batch.answers += 1;
    batch.to = time;
    reader.reads += 1;
    const isDrawn = exported || (reader.reads - 1) % this.#oneIn === 0;
    if (isDrawn && batch.shown.length < SHOWN)
      batch.shown.push({ time, ...access, requestId: context.requestId });
  }

  /** Records what is noted; the service is about to end. */
  async flush(): Promise<void> {
    await Promise.all([...this.#readers.keys()].map((key) => this.#record(key)));
  }

  #readerOf({ actor, authn }: Context): { reader: Reader; key: string } {
    const key = `${actor.id} ${authn.keyId ?? ""}`;
    const known = this.#readers.get(key);
    const now = this.#clock.elapsed();
    const goesOn = known !== undefined && now - known.recorded <= 2 * known.waitMs;
    if (known !== undefined && (goesOn || known.batch !== undefined)) return { reader: known, key };
    const reader = { waitMs: FIRST_MS, reads: 0, batch: undefined, recorded: now };
    this.#readers.set(key, reader);
    return { reader, key };
  }

  async #record(key: string): Promise<void> {
    const reader = this.#readers.get(key);
    if (reader?.batch === undefined) return;
    const { context, ...data } = reader.batch;
    reader.batch = undefined;
    reader.recorded = this.#clock.elapsed();
    reader.waitMs = Math.min(reader.waitMs * GROWTH, MOST_MS);
    try {
      await this.#ledger.append({
        stream: SERVICE_STREAM,
        expected: "any",
        events: [{ type: "AuditAccessed", data }],
        context,
      });
    } catch (error) {
      this.#report(error);
    }
  }
}

/** Made for taking away: in a format for it, or a whole history. */
const isExport = ({
  format,
  sha256,
  brokenOff,
}: Omit<AuditAccess, "time" | "requestId">): boolean =>
  format !== "application/json" || sha256 !== undefined || brokenOff === true;
