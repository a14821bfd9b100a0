import { signsAlone } from "../../src/domain/shared/signer.ts";
import { Ed25519Signer } from "../../src/infra/signing/ed25519-signer.ts";
import { SqliteLedger, type SqliteLedgerOptions } from "../../src/infra/sqlite/sqlite-ledger.ts";
import { SystemClock } from "../../src/infra/system/system-clock.ts";
import { UuidIds } from "../../src/infra/system/uuid-ids.ts";
import { digest } from "./digest.ts";

export const SIGNER = Ed25519Signer.fromSeed("ledger.example/prod", new Uint8Array(32).fill(1));

/** A ledger in a file, with the real clock and ids unless told otherwise. */
export const openLedger = (
  file: string,
  overrides: Partial<SqliteLedgerOptions> = {},
): SqliteLedger =>
  SqliteLedger.open({
    file,
    signers: signsAlone(SIGNER),
    digest,
    clock: new SystemClock(),
    ids: new UuidIds(),
    host: "test-host",
    instance: "test-instance",
    toolVersion: "0.0.0",
    ...overrides,
  });
