import { parseEntryBundle } from "../../domain/ledger/entry-bundle.ts";
import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import type { LedgerHead } from "../../domain/ledger/ledger.ts";
import { leafHash, push, rootOf, same } from "../../domain/ledger/merkle.ts";
import { dataHash } from "../../domain/ledger/payload.ts";
import { TILE_WIDTH, tilePath } from "../../domain/ledger/tile.ts";
import type { StoredEntry } from "../../domain/ledger/transparency-log.ts";
import { parseVerifierKey, type VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";
import type { KeptHead } from "../sqlite/verify-ledger.ts";
import { missingText, namedTexts } from "../ledger/named-texts.ts";
import { Findings, type LedgerVerification } from "../ledger/verification.ts";
import { ExportFiles } from "./export-files.ts";
import { parsePayloadLines } from "./payload-lines.ts";

/** Reads an export back. */
export class ExportReader {
  readonly #files: ExportFiles;
  readonly #digest: Digest;

  constructor(directory: string, digest: Digest) {
    this.#files = new ExportFiles(directory);
    this.#digest = digest;
  }

  /** The verifier keys that lie beside the log. */
  async keysBeside(): Promise<readonly VerifierKey[]> {
    const lines = (await this.#text("vkey")).split("\n").filter(Boolean);
    return lines.map((line) => parseVerifierKey(this.#digest, line));
  }

  /** The head that was signed. Errors: those of `openCheckpoint`, InvalidInput export-incomplete. */
  async head(keys: readonly VerifierKey[]): Promise<LedgerHead> {
    return openCheckpoint(this.#digest, await this.#text("checkpoint"), keys, checkEd25519);
  }

  /** The signed note, unchecked. */
  checkpoint(): Promise<string> {
    return this.#text("checkpoint");
  }

  content(name: string): Promise<string> {
    return this.#text(`contents/${name.slice("sha256:".length)}`);
  }

  /**
   * The entries from an index on up to another, in bundles as an export of `size` entries has them.
   * Errors: InvalidInput export-incomplete.
   */
  async *entries(from: number, to: number, size = to): AsyncGenerator<readonly StoredEntry[]> {
    for (let index = Math.floor(from / TILE_WIDTH); index * TILE_WIDTH < to; index += 1) {
      const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
      const path = tilePath({ level: "entries", index, width });
      const leaves = parseEntryBundle(await this.#bytes(`tile/${path}`));
      const lines = parsePayloadLines(await this.#text(path.replace("entries/", "payloads/")));
      if (leaves.length !== width || lines.length !== width) throw incomplete(path);
      const first = index * TILE_WIDTH;
      const stored = leaves.map((leaf, i) => ({
        index: first + i,
        leaf,
        salt: lines[i]?.salt ?? null,
        payload: lines[i]?.payload ?? null,
      }));
      yield stored.slice(Math.max(0, from - first), to - first);
    }
  }

  /** Checks signature, entries, tree, payloads, and heads that were kept. */
  async verify(
    keys: readonly VerifierKey[],
    kept: readonly KeptHead[],
  ): Promise<LedgerVerification> {
    const findings = new Findings();
    const head = await this.head(keys);
    const { sha256 } = this.#digest;
    const frontier: Hash[] = [];
    const wanted = new Map(kept.map(({ size }) => [size, undefined as Hash | undefined]));
    let size = 0;
    for await (const entries of this.entries(0, head.size))
      for (const entry of entries) {
        await this.#checkPayload(entry, findings);
        push(sha256, frontier, size, leafHash(sha256, entry.leaf));
        size += 1;
        if (wanted.has(size)) wanted.set(size, rootOf(sha256, frontier));
      }
    const root = rootOf(sha256, frontier);
    if (!same(root, head.root))
      findings.add("root-differs", "The entries are not those that the checkpoint was signed for");
    for (const one of kept) checkKept(one, size, wanted.get(one.size), findings);
    const ok = findings.list.length === 0;
    return { ok, size, root, checkedEvents: size, erasedPayloads: 0, findings: findings.list };
  }

  async #checkPayload(
    { index, leaf, salt, payload }: StoredEntry,
    findings: Findings,
  ): Promise<void> {
    const envelope = JSON.parse(this.#digest.text(leaf)) as {
      index: number;
      data_hash: string;
      type: string;
    };
    if (envelope.index !== index)
      findings.add("entry-misplaced", `Entry ${index} says that it is ${envelope.index}`, index);
    if (salt === null || payload === null)
      findings.add("payload-missing", `Entry ${index} has no payload`, index);
    else if (dataHash(this.#digest, salt, this.#digest.utf8(payload)) !== envelope.data_hash)
      findings.add("payload-differs", `The payload of entry ${index} was changed`, index);
    else
      for (const name of namedTexts(envelope.type, payload))
        if (!(await this.#hasText(name))) findings.add(...missingText(index, name));
  }

  async #hasText(name: string): Promise<boolean> {
    const bytes = await this.#files.read(`contents/${name.slice("sha256:".length)}`);
    return bytes !== undefined && this.#digest.ofText(this.#digest.text(bytes)) === name;
  }

  async #text(path: string): Promise<string> {
    return this.#digest.text(await this.#bytes(path));
  }

  async #bytes(path: string): Promise<Uint8Array> {
    const bytes = await this.#files.read(path);
    if (bytes === undefined) throw incomplete(path);
    return bytes;
  }
}

function checkKept(kept: KeptHead, size: number, root: Hash | undefined, findings: Findings): void {
  if (kept.size > size) {
    const message = `${kept.name} has ${kept.size} events, the log only ${size}`;
    findings.add("kept-checkpoint-ahead", message);
  } else if (root === undefined || !same(root, kept.root)) {
    const message = `The log does not continue ${kept.name} (size ${kept.size})`;
    findings.add("kept-checkpoint-differs", message);
  }
}

const incomplete = (path: string): InvalidInput =>
  new InvalidInput("export-incomplete", `The export lacks ${path}, or it is too short`, {
    hint: "An export without payloads (--log-only) can be checked with verifier/ only",
  });
