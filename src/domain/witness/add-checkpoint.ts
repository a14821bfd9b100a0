import type { Digest, Hash } from "../shared/digest.ts";
import { InvalidInput } from "../shared/errors.ts";

/** The protocol's limit on hashes in a proof. */
const MAX_PROOF = 63;

/** What a log sends to a witness (C2SP tlog-witness, add-checkpoint). */
export interface AddCheckpoint {
  /** The size that the log believes the witness has. */
  readonly old: number;
  /** Consistency proof from `old` to the checkpoint. */
  readonly proof: readonly Hash[];
  /** The signed checkpoint. */
  readonly note: string;
}

/** The body of the request. */
export function addCheckpointBody(digest: Digest, { old, proof, note }: AddCheckpoint): string {
  return `old ${old}\n${proof.map((hash) => `${digest.base64(hash)}\n`).join("")}\n${note}`;
}

/** Reads a body. Error: InvalidInput malformed-add-checkpoint. */
export function parseAddCheckpoint(digest: Digest, body: string): AddCheckpoint {
  const end = body.indexOf("\n\n");
  if (end < 0) throw malformed("it has no empty line");
  const [first, ...lines] = body.slice(0, end).split("\n");
  const [, size] = /^old (0|[1-9]\d*)$/.exec(first!) ?? [];
  const old = Number(size);
  if (size === undefined || !Number.isSafeInteger(old)) throw malformed("its old size");
  if (lines.length > MAX_PROOF) throw malformed(`more than ${MAX_PROOF} hashes`);
  const proof = lines.map((line) => {
    const hash = digest.fromBase64(line);
    if (hash?.length !== 32) throw malformed("a line is no hash");
    return hash;
  });
  return { old, proof, note: body.slice(end + 2) };
}

const malformed = (fault: string): InvalidInput =>
  new InvalidInput("malformed-add-checkpoint", `The request is malformed: ${fault}`);
