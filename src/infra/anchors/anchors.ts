import type { Anchor } from "../../domain/anchors/anchor-check.ts";
import type { Cosigner, Publication, TimeAuthority } from "../../domain/anchors/publisher.ts";
import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import type { LedgerHead } from "../../domain/ledger/ledger.ts";
import type { TransparencyLog } from "../../domain/ledger/transparency-log.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { LogExport, type LogExportParts } from "../log-export/log-export.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";
import { WitnessClient } from "../witness/witness-client.ts";
import type { AnchorsConfig } from "./anchors-file.ts";

export interface AnchorsParts extends LogExportParts {
  readonly origin: string;
  /** Texts of the keys that sign now. */
  readonly vkeys: () => readonly string[];
}

/** Everything outside the ledger that its file of anchors names. */
export class Anchors {
  readonly witnesses: readonly Cosigner[];
  readonly publications: readonly Publication[];
  readonly authorities: readonly TimeAuthority[];
  /** Those that can be asked what they have. */
  readonly readable: readonly Anchor[];

  constructor(config: AnchorsConfig, parts: AnchorsParts) {
    const { digest, keys, log, origin } = parts;
    const clients = config.witnesses.map((witness) => new WitnessClient(witness, digest));
    const exports = config.exports.map(({ directory, payloads }) => ({
      name: `The export ${directory}`,
      target: new LogExport(directory, parts, payloads),
    }));
    this.witnesses = clients.map((client) => cosigner(client, log));
    this.publications = exports.map(({ name, target }) => ({
      name,
      publish: async (checkpoint) => void (await target.run(checkpoint, parts.vkeys())),
    }));
    this.authorities = config.timestamps.map((authority) => ({
      name: new URL(authority.url).origin + new URL(authority.url).pathname,
      stamp: async (text) => {
        const { requestTimestamp } = await import("./timestamp-client.ts");
        const { response, time } = await requestTimestamp(authority, text, digest);
        return { token: digest.base64(response), time };
      },
    }));
    this.readable = [
      ...exports.map(({ name, target }) => ({ name, newest: () => target.head() })),
      ...clients.map((client) => ({
        name: `The witness ${client.name}`,
        newest: async () => headOf(await client.newest(origin), digest, keys()),
      })),
    ];
  }
}

const cosigner = (client: WitnessClient, log: TransparencyLog): Cosigner => ({
  name: `The witness ${client.name}`,
  cosign: (checkpoint) => client.cosign(checkpoint, log),
});

function headOf(
  note: string | undefined,
  digest: Digest,
  keys: readonly VerifierKey[],
): LedgerHead | undefined {
  return note === undefined ? undefined : openCheckpoint(digest, note, keys, checkEd25519);
}
