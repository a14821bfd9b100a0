import type { Context } from "../shared/actor.ts";
import type { LedgerState } from "../state/state.ts";
import type { Undertaking } from "../state/undertaking.ts";

/**
 * What is done is its requester's doing, whosever approval or whichever start let it begin; `context`
 * says where that came from.
 */
export function asRequester(
  { keys }: Pick<LedgerState, "keys">,
  { requested }: Pick<Undertaking, "requested">,
  context: Context,
): Context {
  const id = requested.actor;
  if (context.actor.id === id) return context;
  const kind = [...keys.values()].find(({ actorId }) => actorId === id)?.actorKind ?? "user";
  return { ...context, actor: { id, kind }, authn: { method: "internal" }, source: {} };
}
