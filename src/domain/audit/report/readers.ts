import type { Recorded } from "../event-handlers.ts";
import type { EventType } from "../../events.ts";
import type { EventQuery, Ledger } from "../../ledger/ledger.ts";
import { evidence } from "./change-collector.ts";
import type { Evidence } from "./change.ts";
import type { Exception } from "./exceptions.ts";

/** Who was given audit data, and how often. */
export interface Reader {
  readonly actor: string;
  readonly answers: number;
  readonly first: number;
  readonly last: number;
}

type Given = Recorded<"AuditAccessed" | "ReportIssued">;

const TYPES: readonly EventType[] = ["AuditAccessed", "ReportIssued"];
/** Whoever was given nothing for so many days is no usual reader. */
const USUAL_DAYS = 90;
const DAY_MS = 86_400_000;

/** Follows who reads, while the events of a period pass. */
export class ReaderCollector {
  readonly #readers = new Map<string, Reader>();
  /** When each reader was given something last. */
  readonly #last = new Map<string, string>();
  readonly #first: Evidence[] = [];
  readonly #back: Evidence[] = [];

  add(event: Given): void {
    const { id } = event.actor;
    const known = this.#readers.get(id);
    const answers = event.type === "AuditAccessed" ? event.data.answers : 1;
    this.#readers.set(id, {
      actor: id,
      answers: (known?.answers ?? 0) + answers,
      first: known?.first ?? event.index,
      last: event.index,
    });
    const last = this.#last.get(id);
    if (last === undefined) this.#first.push(evidence(event));
    else if (daysBetween(last, event.time) > USUAL_DAYS) this.#back.push(evidence(event));
    this.#last.set(id, event.time);
  }

  list(): readonly Reader[] {
    return [...this.#readers.values()].toSorted((a, b) => a.first - b.first);
  }

  /** Readers who were given nothing in the days before; not the very first reader of the ledger. */
  async unusual(ledger: Pick<Ledger, "read">): Promise<readonly Exception[]> {
    const found = this.#back.map((at) => unusual(at, `Was given nothing for ${USUAL_DAYS} days`));
    for (const at of this.#first) {
      const before = await newest(ledger, { actor: at.actor, after: at.index });
      if (before !== undefined && daysBetween(before, at.time) <= USUAL_DAYS) continue;
      if (before !== undefined) found.push(unusual(at, `Was given nothing for ${USUAL_DAYS} days`));
      else if ((await newest(ledger, { after: at.index })) !== undefined)
        found.push(unusual(at, "Was never given anything before"));
    }
    return found;
  }
}

async function newest(
  ledger: Pick<Ledger, "read">,
  query: Pick<EventQuery, "actor" | "after">,
): Promise<string | undefined> {
  // After index 0 there is nothing to look for before it, and no cursor to say so.
  if (query.after === 0) return undefined;
  const [event] = await ledger.read({ ...query, types: TYPES, limit: 1, order: "desc" });
  return event?.time;
}

const daysBetween = (a: string, b: string): number => (Date.parse(b) - Date.parse(a)) / DAY_MS;

const unusual = (at: Evidence, text: string): Exception => ({
  kind: "unusual-reader",
  ...at,
  databaseId: null,
  runId: null,
  text,
});
