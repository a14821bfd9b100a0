import type { Digest } from "../shared/digest.ts";
import { InvalidInput } from "../shared/errors.ts";
import type { Signers } from "../shared/signer.ts";
import type { Checkpoint, LedgerHead } from "./ledger.ts";
import { noteOf, openNote, signatureLine, type CheckSignature } from "./note.ts";
import type { VerifierKey } from "./verifier-key.ts";

/** The text that is signed: origin, decimal size, base64 root, a newline after each. */
export const checkpointText = (digest: Digest, head: LedgerHead): string =>
  `${head.origin}\n${head.size}\n${digest.base64(head.root)}\n`;

/**
 * The head in a checkpoint text. Further lines (of foreign logs) are ignored. Throws InvalidInput,
 * code malformed-checkpoint.
 */
export function parseCheckpoint(digest: Digest, text: string): LedgerHead {
  const [origin, size, root, ...rest] = text.split("\n");
  const hash = root === undefined ? undefined : digest.fromBase64(root);
  const count = Number(size);
  if (origin === undefined || origin === "" || rest.length === 0)
    throw malformed("a line is missing");
  if (!Number.isSafeInteger(count) || count < 0 || `${count}` !== size) throw malformed("its size");
  if (hash?.length !== 32) throw malformed("its root");
  return { origin, size: count, root: hash };
}

/** Signs a head with every key that signs now; `signers.name` must be its origin. */
export async function signCheckpoint(
  digest: Digest,
  signers: Signers,
  head: LedgerHead,
): Promise<Checkpoint> {
  const text = checkpointText(digest, head);
  const bytes = digest.utf8(text);
  const active = await signers.active();
  const lines = active.map(async (signer) => {
    const { name, keyId } = signer;
    return signatureLine(digest, { name, keyId, signature: await signer.sign(bytes) });
  });
  return { size: head.size, root: head.root, note: noteOf(text, await Promise.all(lines)) };
}

/**
 * The head of a signed checkpoint, once its signatures by `keys` are checked (one at least) and its
 * origin is their name. Throws InvalidInput as `openNote` and `parseCheckpoint` do.
 */
export function openCheckpoint(
  digest: Digest,
  note: string,
  keys: readonly VerifierKey[],
  check: CheckSignature,
): LedgerHead {
  const head = parseCheckpoint(digest, openNote(digest, note, keys, check).text);
  if (keys.some(({ name }) => head.origin !== name))
    throw malformed("its origin is not the signer's name");
  return head;
}

const malformed = (fault: string): InvalidInput =>
  new InvalidInput("malformed-checkpoint", `The checkpoint is malformed: ${fault}`);
