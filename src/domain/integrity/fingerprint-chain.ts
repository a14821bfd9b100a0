import { databaseIdOf, type EventType, type RecordedEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** A change of a schema that no event explains. */
export interface ChainGap {
  readonly code: "fingerprint-chain-broken";
  readonly message: string;
  readonly index: number;
  readonly databaseId: string;
}

/** Events that say what a schema was or became. */
const TYPES: readonly EventType[] = [
  "SchemaBaselined",
  "StepApplied",
  "StepReverted",
  "DriftResolved",
  "RestoreCompleted",
];
const PAGE = 1000;

/**
 * Each step says what the schema was before and after it. Where the one before ended with another
 * schema, something changed it that the ledger does not tell of: an event was left out.
 */
export async function fingerprintGaps(ledger: Pick<Ledger, "read">): Promise<readonly ChainGap[]> {
  const schemas = new Map<string, string>();
  const gaps: ChainGap[] = [];
  for (let after = -1; ;) {
    const events = await ledger.read({
      types: TYPES,
      order: "asc",
      limit: PAGE,
      ...(after < 0 ? {} : { after }),
    });
    for (const event of events) follow(schemas, gaps, event);
    if (events.length < PAGE) return gaps;
    after = events.at(-1)!.index;
  }
}

function follow(schemas: Map<string, string>, gaps: ChainGap[], event: RecordedEvent): void {
  const id = databaseIdOf(event.stream);
  if (id === undefined) return;
  if (event.type === "StepApplied" || event.type === "StepReverted") {
    const before = schemas.get(id);
    const { fingerprintBefore, fingerprintAfter } = event.data;
    if (before !== undefined && before !== fingerprintBefore)
      gaps.push({
        code: "fingerprint-chain-broken",
        message: `Event ${event.index} found a schema that no event before it had left`,
        index: event.index,
        databaseId: id,
      });
    schemas.set(id, fingerprintAfter);
  } else if (event.type === "SchemaBaselined" || event.type === "RestoreCompleted")
    schemas.set(id, event.data.fingerprint);
  else if (event.type === "DriftResolved" && event.data.adopted !== undefined)
    schemas.set(id, event.data.adopted.fingerprint);
}
