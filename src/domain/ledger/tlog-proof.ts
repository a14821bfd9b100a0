import type { Digest, Hash } from "../shared/digest.ts";
import { InvalidInput } from "../shared/errors.ts";

const HEADER = "c2sp.org/tlog-proof@v1";

/** What a proof file holds (C2SP tlog-proof). */
export interface TlogProof {
  /** Not proved by itself: salt and payload, from which the entry's `data_hash` follows. */
  readonly extra: Uint8Array | undefined;
  readonly index: number;
  /** The leaf's sibling first. */
  readonly path: readonly Hash[];
  /** The signed checkpoint in whose tree the entry is. */
  readonly checkpoint: string;
}

/** The text of a proof file. */
export function tlogProofText(digest: Digest, proof: TlogProof): string {
  const extra = proof.extra === undefined ? "" : `extra ${digest.base64(proof.extra)}\n`;
  const path = proof.path.map((hash) => `${digest.base64(hash)}\n`).join("");
  return `${HEADER}\n${extra}index ${proof.index}\n${path}\n${proof.checkpoint}`;
}

/** Reads a proof file; nothing of it is checked. Error: InvalidInput malformed-proof. */
export function parseTlogProof(digest: Digest, text: string): TlogProof {
  const end = text.indexOf("\n\n");
  if (end < 0) throw malformed("it has no checkpoint");
  const [header, ...lines] = text.slice(0, end).split("\n");
  if (header !== HEADER) throw malformed("its first line is another");
  const extra = lines[0]?.startsWith("extra ")
    ? base64(digest, lines.shift()!.slice(6))
    : undefined;
  const [, index] = /^index (0|[1-9]\d*)$/.exec(lines.shift() ?? "") ?? [];
  if (index === undefined || !Number.isSafeInteger(Number(index))) throw malformed("its index");
  const path = lines.map((line) => base64(digest, line));
  if (path.some((hash) => hash.length !== 32)) throw malformed("a hash has another length");
  return { extra, index: Number(index), path, checkpoint: text.slice(end + 2) };
}

function base64(digest: Digest, text: string): Uint8Array {
  const bytes = digest.fromBase64(text);
  if (bytes === undefined) throw malformed("a line is not base64");
  return bytes;
}

const malformed = (fault: string): InvalidInput =>
  new InvalidInput("malformed-proof", `The proof file is malformed: ${fault}`);
