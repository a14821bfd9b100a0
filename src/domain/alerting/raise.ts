import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Alert } from "./rules.ts";

export interface RaiseParts {
  readonly ledger: Pick<Ledger, "append">;
}

/** An alert that no event speaks of. */
export interface Unspoken {
  readonly stream: string;
  readonly alert: Alert;
}

/** Raises it, once under its key and over restarts. */
export async function raiseOnce(
  { ledger }: RaiseParts,
  { stream, alert }: Unspoken,
  once: string,
  context: Context,
): Promise<void> {
  await ledger.append({
    stream,
    expected: "any",
    events: [{ type: "AlertRaised", data: alert }],
    context,
    once: [`alert:${once}`],
  });
}
