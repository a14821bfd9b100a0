import { jcs } from "../ledger/jcs.ts";
import type { Digest } from "../shared/digest.ts";
import type { Json } from "../shared/json.ts";
import type { DatabaseState } from "../state/state.ts";
import type { Policy } from "./events.ts";

/** Names exactly the policy that is and the one that is to be: if either changes, it is another change. */
export const policyDigest = (
  { id, policy: from }: DatabaseState,
  to: Policy,
  digest: Digest,
): string =>
  digest.ofText(jcs({ database: id, kind: "policy-change", from: plain(from), to: plain(to) }));

/** As it is recorded: members that are not there are absent. */
const plain = (policy: Policy): Json => JSON.parse(JSON.stringify(policy)) as Json;
