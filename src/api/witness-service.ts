import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseVerifierKey } from "../domain/ledger/verifier-key.ts";
import { InvalidInput } from "../domain/shared/errors.ts";
import { Witness } from "../domain/witness/witness.ts";
import { makeDirectory } from "../infra/files/atomic-write.ts";
import { checkEd25519 } from "../infra/signing/ed25519-signer.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { SystemClock } from "../infra/system/system-clock.ts";
import { describeError } from "../infra/telemetry/logger.ts";
import { openLog } from "../infra/telemetry/open-log.ts";
import { FileCosigningKey } from "../infra/witness/cosigning-key.ts";
import { FileWitnessStore } from "../infra/witness/file-witness-store.ts";
import { serveWitness } from "../infra/witness/witness-server.ts";

export interface WitnessOptions {
  readonly state: string;
  readonly name: string;
  /** Verifier keys, or files with some. */
  readonly logs: readonly string[];
  readonly host: string;
  readonly port: string | number;
}

export interface RunningWitness {
  readonly url: string;
  readonly verifierKey: string;
  close(): Promise<void>;
}

/** Starts a witness. Errors: InvalidInput config-invalid, invalid-verifier-key; `Ed25519Signer.load`. */
export async function startWitness(options: WitnessOptions): Promise<RunningWitness> {
  const { state, name, logs, host } = options;
  const port = /^\d{1,5}$/.test(String(options.port)) ? Number(options.port) : 65_536;
  if (port > 65_535)
    throw new InvalidInput("config-invalid", "--port: it is not a number from 0 to 65535");
  const digest = new NodeDigest();
  const texts = await Promise.all(
    logs.map(async (one) => (existsSync(one) ? await readFile(one, "utf8") : one)),
  );
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line.trim() !== "");
  await makeDirectory(state);
  const key = await FileCosigningKey.load(join(state, "key.pem"), name, digest);
  const store = new FileWitnessStore(state, digest);
  const witness = new Witness({
    store,
    key,
    logs: lines.map((line) => parseVerifierKey(digest, line.trim())),
    digest,
    clock: new SystemClock(),
    check: checkEd25519,
  });
  const log = await openLog();
  const failed = (error: unknown): void =>
    log({ level: "error", message: "The witness failed", ...describeError(error) });
  const server = await serveWitness(witness, store, { host, port }, failed);
  return { url: server.url, verifierKey: key.verifierKey, close: () => server.close() };
}
