import type { Checkpoint } from "../../../domain/ledger/ledger.ts";
import { InvalidInput, Unavailable } from "../../../domain/shared/errors.ts";
import type { LedgerOptions } from "../../ledger/ledger-options.ts";
import { LedgerHeadState } from "../../ledger/ledger-head.ts";
import type { Client } from "../connection/open-client.ts";
import { openFailed } from "./errors.ts";
import { installSchema } from "./install.ts";
import { KnownHead } from "./known-head.ts";
import { LedgerReader, type SharedHeadRow } from "./reader.ts";
import { openSession, requireDurable, type LedgerPlace } from "./session.ts";
import { Sessions } from "./sessions.ts";

/** A ledger with its tables, and what is known of it. */
export interface OpenedPlace {
  readonly sessions: Sessions;
  readonly reader: LedgerReader;
  readonly known: KnownHead;
  /** The newest checkpoint that is stored. */
  readonly stored: Checkpoint | undefined;
}

/**
 * Makes the tables if they are missing, and looks at the head. Errors: InvalidInput
 * origin-is-not-signer · Unavailable ledger-open-failed, ledger-too-new, ledger-origin-differs,
 * ledger-not-durable, ledger-standby, ledger-pooled, ledger-sealed, ledger-damaged · Refused
 * ledger-setup-needed.
 */
export async function openPlace(
  place: LedgerPlace,
  { signers, digest, origin = signers.name }: Pick<LedgerOptions, "signers" | "digest" | "origin">,
): Promise<OpenedPlace> {
  if (origin !== signers.name)
    throw new InvalidInput("origin-is-not-signer", `${signers.name} cannot sign ${origin}`, {
      hint: "Name the signing key as the ledger",
    });
  try {
    await prepare(place, origin);
    const sessions = new Sessions(place);
    try {
      const reader = new LedgerReader(sessions);
      const known = await knownHead(reader, place, digest);
      return { sessions, reader, known, stored: await reader.newestCheckpoint() };
    } catch (error) {
      await sessions.close();
      throw error;
    }
  } catch (error) {
    throw openFailed(place.address.url, error);
  }
}

/** Makes the tables and the head if they are missing. Errors: those of `openPlace`. */
export async function prepare(place: LedgerPlace, origin: string): Promise<void> {
  const client = await openSession(place, "reader");
  try {
    await requireDurable(client, place);
    await installSchema(client, place.address.url);
    await makeHead(client, origin);
    const { rows } = await client.query<{ origin: string }>("SELECT origin FROM ledger_head");
    if (rows[0]?.origin !== origin) throw originDiffers(place.address.url, rows[0]?.origin, origin);
  } finally {
    await client.end();
  }
}

const makeHead = async (client: Client, origin: string): Promise<unknown> =>
  client.query(
    `INSERT INTO ledger_head (origin, revision, size, frontier, time_high, time_back)
       SELECT $1, 0, 0, '', '', 0 WHERE NOT EXISTS (SELECT FROM ledger_head)
       ON CONFLICT (one) DO NOTHING`,
    [origin],
  );

async function knownHead(
  reader: LedgerReader,
  { address }: LedgerPlace,
  digest: LedgerOptions["digest"],
): Promise<KnownHead> {
  const row = (await reader.head()) as SharedHeadRow;
  if (row.sealed !== null)
    throw new Unavailable(
      "ledger-sealed",
      `${address.url} was sealed: it goes on in ${row.sealed}`,
      {
        hint: "Start with the ledger that it goes on in",
      },
    );
  const head = new LedgerHeadState(digest, row);
  const { checkedLeaves } = head;
  const leaves = checkedLeaves === 0 ? [] : await reader.leaves(row.size - checkedLeaves);
  // Others may have appended meanwhile: what is looked at is the row's part.
  LedgerHeadState.of(digest, { head: () => row, leaves: () => leaves.slice(0, checkedLeaves) });
  return new KnownHead(digest, row);
}

const originDiffers = (place: string, found: string | undefined, origin: string): Unavailable =>
  new Unavailable(
    "ledger-origin-differs",
    `${place} is the ledger ${found}, but the signer is ${origin}`,
    { hint: "Start with the name and the signing key that belong to this ledger" },
  );
