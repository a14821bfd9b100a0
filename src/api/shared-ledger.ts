import type { LedgerCopies } from "../domain/ledger-backup/ledger-copies.ts";
import type { Digest } from "../domain/shared/digest.ts";
import type { TransparencyLog } from "../domain/ledger/transparency-log.ts";
import type { LedgerOptions } from "../infra/ledger/ledger-options.ts";
import type { TileCache } from "../infra/ledger/tile-hashes.ts";
import { PostgresLedgerCopies } from "../infra/postgres/ledger/ledger-copies.ts";
import { couldRewrite } from "../infra/postgres/ledger/install.ts";
import { openPlace } from "../infra/postgres/ledger/open-place.ts";
import { PostgresLedger } from "../infra/postgres/ledger/postgres-ledger.ts";
import { PostgresLedgerVerifier } from "../infra/postgres/ledger/postgres-ledger-verifier.ts";
import { PostgresTransparencyLog } from "../infra/postgres/ledger/postgres-transparency-log.ts";
import type { LedgerPlace } from "../infra/postgres/ledger/session.ts";
import type { KeptCheckpoint } from "../infra/signing/kept-checkpoint.ts";
import type { OpenedLedger, OpenedLog } from "./container.ts";
import type { LedgerVerifier } from "./services.ts";

/** A ledger that other processes append to as well, with all that the composition makes of it. */
export interface SharedLedger {
  ledger(options: LedgerOptions): OpenedLedger;
  log(digest: Digest, cache: TileCache): OpenedLog & TransparencyLog;
  verifier(options: {
    readonly scratch: string;
    readonly verifierKeys: () => readonly string[];
    readonly digest: Digest;
    readonly kept: KeptCheckpoint;
  }): LedgerVerifier;
  readonly copies: LedgerCopies;
  /** Whether the role could undo what was recorded. */
  couldRewrite(): Promise<boolean>;
  /** Of what was opened, if no ledger was made of it. */
  close(): Promise<void>;
}

/** Loaded only where the ledger is in PostgreSQL. `token`: of the lease to work with it. Errors: those of `openPlace`. */
export async function openSharedLedger(
  place: LedgerPlace,
  signing: Pick<LedgerOptions, "signers" | "digest">,
  token?: number,
): Promise<SharedLedger> {
  const opened = await openPlace(place, signing);
  const copies = new PostgresLedgerCopies(place);
  return {
    ledger: (options) => new PostgresLedger({ ...options, place, token }, opened),
    log: (digest, cache) => new PostgresTransparencyLog(opened.reader, digest, cache),
    verifier: (options) => new PostgresLedgerVerifier({ ...options, copies }),
    copies,
    couldRewrite: () => opened.sessions.use(couldRewrite),
    close: () => opened.sessions.close(),
  };
}
