import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { LedgerState } from "../state/state.ts";
import type { Alert } from "./rules.ts";

export interface RaiseParts {
  readonly ledger: Pick<Ledger, "append">;
  readonly projection: { readonly state: LedgerState };
}

/** An alert that no event speaks of. */
export interface Unspoken {
  readonly stream: string;
  readonly alert: Alert;
}

/** Raises it, once under its key and over restarts, while there is somebody to tell. */
export async function raiseOnce(
  { ledger, projection }: RaiseParts,
  { stream, alert }: Unspoken,
  once: string,
  context: Context,
): Promise<void> {
  if (projection.state.alertTargets.size === 0) return;
  await ledger.append({
    stream,
    expected: "any",
    events: [{ type: "AlertRaised", data: alert }],
    context,
    once: [`alert:${once}`],
  });
}
