import type { Anchor } from "../../domain/anchors/anchor-check.ts";
import type { Cosigner, Publication, TimeAuthority } from "../../domain/anchors/publisher.ts";
import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import type { LedgerHead } from "../../domain/ledger/ledger.ts";
import type { TransparencyLog } from "../../domain/ledger/transparency-log.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { ExportFiles } from "../log-export/export-files.ts";
import type { ExportPlace } from "../log-export/export-place.ts";
import type { LedgerFiles } from "../log-export/export-thread.ts";
import { LogExport, type LogExportParts } from "../log-export/log-export.ts";
import { ThreadedExport } from "../log-export/threaded-export.ts";
import { s3Url } from "../s3/s3-settings.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";
import { WitnessClient } from "../witness/witness-client.ts";
import type { AnchorsConfig, ExportAddress } from "./anchors-file.ts";

export interface AnchorsParts extends LogExportParts {
  readonly origin: string;
  /** Texts of the keys that sign now. */
  readonly vkeys: () => readonly string[];
  /** Where the ledger is, if it is a file: much of it is exported in a thread then. */
  readonly files?: LedgerFiles;
}

/** Everything outside the ledger that its file of anchors names. */
export class Anchors {
  readonly witnesses: readonly Cosigner[];
  readonly publications: readonly Publication[];
  readonly authorities: readonly TimeAuthority[];
  /** Those that can be asked what they have. */
  readonly readable: readonly Anchor[];
  readonly #exports: readonly {
    readonly made: () => Promise<LogExport | ThreadedExport> | undefined;
  }[];

  constructor(config: AnchorsConfig, parts: AnchorsParts) {
    const { digest, keys, log, origin } = parts;
    const clients = config.witnesses.map((witness) => new WitnessClient(witness, digest));
    const exports = config.exports.map((address) => ({
      name: `The export ${nameOf(address)}`,
      ...once(() => exportTo(address, parts)),
    }));
    this.#exports = exports;
    this.witnesses = clients.map((client) => cosigner(client, log));
    this.publications = exports.map(({ name, target }) => ({
      name,
      publish: async (checkpoint) => void (await (await target()).run(checkpoint, parts.vkeys())),
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
      ...exports.map(({ name, target }) => ({ name, newest: async () => (await target()).head() })),
      ...clients.map((client) => ({
        name: `The witness ${client.name}`,
        newest: async () => headOf(await client.newest(origin), digest, keys()),
      })),
    ];
  }

  /** Ends the threads of exports; nothing is published any more. */
  async close(): Promise<void> {
    for (const { made } of this.#exports) {
      // One that could not be made has no thread.
      const target = await made()?.catch(() => undefined);
      if (target instanceof ThreadedExport) await target.close();
    }
  }
}

const nameOf = ({ directory, bucket }: ExportAddress): string =>
  directory ?? (bucket === undefined ? "" : s3Url(bucket));

async function exportTo(
  address: ExportAddress,
  parts: AnchorsParts,
): Promise<LogExport | ThreadedExport> {
  const here = new LogExport(await placeOf(address), parts, address.payloads);
  const { directory, payloads } = address;
  const { files, keys } = parts;
  if (directory === undefined || files === undefined) return here;
  return new ThreadedExport(here, { ledger: files, directory, payloads }, keys);
}

/** A bucket is tried out when it is reached first; one that cannot be is tried again. */
async function placeOf({ directory, bucket }: ExportAddress): Promise<ExportPlace> {
  if (bucket === undefined) return new ExportFiles(directory ?? "");
  const { openS3Export } = await import("../s3/open-s3-place.ts");
  return openS3Export(bucket);
}

/** `target`: made when it is asked for first; again when that failed. `made`: what there is of it. */
function once<T>(make: () => Promise<T>): {
  readonly target: () => Promise<T>;
  readonly made: () => Promise<T> | undefined;
} {
  let made: Promise<T> | undefined;
  const target = (): Promise<T> => {
    made ??= make();
    made.catch(() => (made = undefined));
    return made;
  };
  return { target, made: () => made };
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
