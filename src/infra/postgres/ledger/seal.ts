import { Unavailable } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";

/**
 * From now on nothing is appended, by whichever process: `place` says where the ledger goes on.
 * Repeatable for the same place. Error: Unavailable ledger-sealed.
 */
export async function sealLedger(client: Client, place: string): Promise<void> {
  const { rows } = await client.query<{ sealed: string }>(
    `UPDATE ledger_head SET revision = revision + 1, sealed = coalesce(sealed, $1) WHERE one
       RETURNING sealed`,
    [place],
  );
  if (rows[0]?.sealed === place) return;
  throw new Unavailable(
    "ledger-sealed",
    `The ledger was sealed: it goes on in ${rows[0]?.sealed}`,
    {
      hint: "Start with the ledger that it goes on in",
    },
  );
}

/** The ledger goes on here. */
export async function unsealLedger(client: Client): Promise<void> {
  await client.query(
    "UPDATE ledger_head SET revision = revision + 1, sealed = NULL WHERE one AND sealed IS NOT NULL",
  );
}
