import { join } from "node:path";
import { Proofs } from "../domain/ledger/proofs.ts";
import { Cosigned } from "../domain/anchors/cosigned.ts";
import { SigningKeys } from "../domain/service/signing-keys.ts";
import type { Opened } from "./container.ts";
import { KeptCheckpoint } from "../infra/signing/kept-checkpoint.ts";
import { SqliteLedgerVerifier } from "../infra/sqlite/ledger-verifier.ts";
import { SqliteTransparencyLog } from "../infra/sqlite/sqlite-transparency-log.ts";
import { ledgerFile, tileCache, type CoreConfig } from "./config.ts";
import type { Services } from "./services.ts";
import type { One, Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What proves the ledger to people outside. */
export function addProof(one: One, config: CoreConfig, { keyring, follows, shared }: Opened): void {
  one(
    t.KEPT_CHECKPOINT,
    (c) =>
      new KeptCheckpoint(
        join(config.data, "checkpoint"),
        () => keyring.verifierKeys,
        c.resolve(t.DIGEST),
      ),
  );
  one(t.COSIGNED, () => new Cosigned());
  one(
    t.SIGNING_KEYS,
    (c) => new SigningKeys(c.resolve(t.LEDGER), c.resolve(t.PROJECTION), keyring),
  );
  one(t.TRANSPARENCY_LOG, (c) => {
    const cache = { file: tileCache(config), readOnly: follows !== undefined };
    const digest = c.resolve(t.DIGEST);
    if (shared !== undefined) return shared.log(digest, cache);
    return new SqliteTransparencyLog({
      file: ledgerFile(config),
      origin: keyring.name,
      cache,
      digest,
      ...(follows === undefined ? {} : { connect: follows.connect }),
    });
  });
}

/** Their names. */
export const PROOF = {
  verifier: true,
  transparencyLog: true,
  proofs: true,
  signingKeys: true,
  cosigned: true,
} as const;

/** The members of `Services` that the routes of the ledger call. */
export function proofServices(
  c: Resolver,
  config: CoreConfig,
  shared: Opened["shared"],
): Pick<Services, "verifier" | "transparencyLog" | "proofs" | "signingKeys" | "cosigned"> {
  const digest = c.resolve(t.DIGEST);
  const signingKeys = c.resolve(t.SIGNING_KEYS);
  const log = c.resolve(t.TRANSPARENCY_LOG);
  const parts = {
    verifierKeys: () => signingKeys.list().map(({ verifierKey }) => verifierKey),
    digest,
    kept: c.resolve(t.KEPT_CHECKPOINT),
  };
  return {
    verifier:
      shared?.verifier({ ...parts, scratch: join(config.data, "scratch") }) ??
      new SqliteLedgerVerifier({
        ...parts,
        file: ledgerFile(config),
        tileCache: tileCache(config),
      }),
    transparencyLog: log,
    proofs: new Proofs(c.resolve(t.LEDGER), log, digest),
    signingKeys,
    cosigned: c.resolve(t.COSIGNED),
  };
}
