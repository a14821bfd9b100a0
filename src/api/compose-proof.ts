import { join } from "node:path";
import { Proofs } from "../domain/ledger/proofs.ts";
import type { Signer } from "../domain/shared/signer.ts";
import { KeptCheckpoint } from "../infra/signing/kept-checkpoint.ts";
import { SqliteLedgerVerifier } from "../infra/sqlite/ledger-verifier.ts";
import { SqliteTransparencyLog } from "../infra/sqlite/sqlite-transparency-log.ts";
import { ledgerFile, type CoreConfig } from "./config.ts";
import type { Services } from "./services.ts";
import type { One, Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What proves the ledger to people outside. */
export function addProof(one: One, config: CoreConfig, signer: Signer): void {
  one(
    t.KEPT_CHECKPOINT,
    (c) =>
      new KeptCheckpoint(join(config.data, "checkpoint"), signer.verifierKey, c.resolve(t.DIGEST)),
  );
  one(
    t.TRANSPARENCY_LOG,
    (c) =>
      new SqliteTransparencyLog({
        file: ledgerFile(config),
        origin: signer.name,
        cache: join(config.data, "tiles", "1"),
        digest: c.resolve(t.DIGEST),
      }),
  );
}

/** The members of `Services` that the routes of the ledger call. */
export function proofServices(
  c: Resolver,
  config: CoreConfig,
  signer: Signer,
): Pick<Services, "verifier" | "transparencyLog" | "proofs" | "verifierKey"> {
  const digest = c.resolve(t.DIGEST);
  const log = c.resolve(t.TRANSPARENCY_LOG);
  return {
    verifier: new SqliteLedgerVerifier(
      ledgerFile(config),
      signer.verifierKey,
      digest,
      c.resolve(t.KEPT_CHECKPOINT),
    ),
    transparencyLog: log,
    proofs: new Proofs(c.resolve(t.LEDGER), log, digest),
    verifierKey: signer.verifierKey,
  };
}
