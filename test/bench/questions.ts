import type { EventQuery } from "../../src/domain/ledger/ledger.ts";
import type { SqliteLedger } from "../../src/infra/sqlite/sqlite-ledger.ts";

/** The two actors of a history: databases with an even number are the work of one. */
export const actorOf = (n: number): string => `act_${String(n).padStart(32, "0")}`;

export type Filter = Omit<EventQuery, "limit" | "order">;

/** Questions that auditors ask, also for what never happened. */
export const FILTERS: { readonly [name: string]: Filter } = {
  "no filter": {},
  database: { stream: "database:db-7" },
  actor: { actor: actorOf(1) },
  "type, common": { types: ["StepApplied"] },
  "type, never": { types: ["DriftDetected"] },
  "database, type": { stream: "database:db-7", types: ["StepApplied"] },
  "database, type never there": { stream: "database:db-7", types: ["DriftDetected"] },
  "database, actor": { stream: "database:db-7", actor: actorOf(1) },
  "database, actor never there": { stream: "database:db-7", actor: actorOf(0) },
  "actor, type": { actor: actorOf(0), types: ["RunRequested"] },
  "actor, types never there": { actor: actorOf(0), types: ["DriftDetected", "RunFailed"] },
  "all three": { stream: "database:db-8", actor: actorOf(0), types: ["StepReverted"] },
};

const QUESTIONS = 300;
/** Rows asked for. */
export const ROWS = 100;

/** Milliseconds that each question takes, from places all over the ledger and in both directions. */
export function ask(ledger: SqliteLedger, filter: Filter, size: number): number[] {
  return askedOf(size, (after, order) => ledger.readRows({ ...filter, after, order, limit: ROWS }));
}

/** The same places, asked by something else. */
export function askedOf(
  size: number,
  question: (after: number, order: "asc" | "desc") => unknown,
): number[] {
  const times: number[] = [];
  for (let n = 0; n < QUESTIONS; n += 1) {
    const after = Math.floor((n / QUESTIONS) * size);
    const began = performance.now();
    question(after, n % 2 === 0 ? "asc" : "desc");
    times.push(performance.now() - began);
  }
  return times;
}
