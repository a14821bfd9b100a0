import { readFile } from "node:fs/promises";
import { InvalidInput, Unavailable } from "../../domain/shared/errors.ts";
import { writeFileAtomic } from "../files/atomic-write.ts";
import { newIdentityLine, parseIdentity, type Identity } from "./age.ts";

/**
 * The identities in an age identity file, first the one that new keys are wrapped to. Undefined if
 * there is no file. Rejects with `backup-identity-invalid`.
 */
export async function readIdentities(file: string): Promise<readonly Identity[] | undefined> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const lines = text.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  const identities = lines.map(parseIdentity);
  // The line itself is a secret, and is not told.
  const wrong = identities.indexOf(undefined);
  if (wrong >= 0 || identities.length === 0)
    throw new InvalidInput(
      "backup-identity-invalid",
      `${file} is no age identity file: ${wrong < 0 ? "it has no identity" : `secret line ${wrong + 1} is no X25519 identity`}`,
      { hint: "It has lines AGE-SECRET-KEY-1…, as age-keygen writes them" },
    );
  return identities.filter((identity) => identity !== undefined);
}

/** Makes an identity file (0600) with a fresh identity. */
export async function makeIdentity(file: string): Promise<readonly Identity[]> {
  const line = newIdentityLine();
  const identity = parseIdentity(line)!;
  const text = `# Opens the backups of this service. Keep a copy elsewhere.\n# public key: ${identity.recipient}\n${line}\n`;
  await writeFileAtomic(file, text);
  return [identity];
}

export const identityMissing = (file: string): Unavailable =>
  new Unavailable("backup-identity-missing", `The store is encrypted and there is no ${file}`, {
    hint: "Put the identity file back from your copy of it, or name another one with --backup-identity: any identity of a recipient will do",
  });

export const identityWrong = (file: string, object: string): Unavailable =>
  new Unavailable("backup-identity-wrong", `No identity in ${file} opens ${object}`, {
    hint: "Add the identity of one of its recipients to the file. `age --decrypt -i FILE` on the object tells whether an identity fits",
  });
