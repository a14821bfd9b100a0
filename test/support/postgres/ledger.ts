import { signsAlone } from "../../../src/domain/shared/signer.ts";
import { readAddress } from "../../../src/infra/postgres/connection/address.ts";
import {
  PostgresLedger,
  type PostgresLedgerOptions,
} from "../../../src/infra/postgres/ledger/postgres-ledger.ts";
import type { LedgerPlace } from "../../../src/infra/postgres/ledger/session.ts";
import { SystemClock } from "../../../src/infra/system/system-clock.ts";
import { UuidIds } from "../../../src/infra/system/uuid-ids.ts";
import { digest } from "../digest.ts";
import { SIGNER } from "../sqlite-ledger.ts";

/** A place in a database of the tests' servers, which need not survive a crash. */
export function placeIn(url: string, overrides: Partial<LedgerPlace> = {}): LedgerPlace {
  const { address, password } = readAddress(url);
  return { address, password, instance: "test", requireFsync: false, ...overrides };
}

/** A ledger in a database, with the real clock and ids unless told otherwise. */
export const openPostgresLedger = (
  url: string,
  overrides: Partial<PostgresLedgerOptions> = {},
): Promise<PostgresLedger> =>
  PostgresLedger.open({
    place: placeIn(url),
    signers: signsAlone(SIGNER),
    digest,
    clock: new SystemClock(),
    ids: new UuidIds(),
    host: "test-host",
    instance: "test-instance",
    toolVersion: "0.0.0",
    ...overrides,
  });
