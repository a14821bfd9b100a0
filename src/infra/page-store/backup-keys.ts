import { hash, randomBytes } from "node:crypto";
import { Unavailable } from "../../domain/shared/errors.ts";
import { decryptWith, encryptTo, type Identity } from "./age.ts";
import { KEY_BYTES, NO_KEYS, dataKey, type DataKey, type DataKeyTexts } from "./data-keys.ts";
import { identityMissing, identityWrong, makeIdentity, readIdentities } from "./identities.ts";
import type { ObjectStore } from "./object-store.ts";

/** How new backups are to be encrypted. */
export interface BackupEncryption {
  /**
   * age recipients besides the service's own. Absent: as before, that is not at all in a store that
   * never had a key. `none`: from now on not at all.
   */
  readonly recipients?: readonly string[] | "none";
  readonly identityFile: string;
  /** Whether a missing identity file is made when it is needed first. */
  readonly mayMake: boolean;
}

/** What was done to the store's keys, to be recorded. */
export interface KeyChange {
  readonly keyId: string;
  readonly recipients: readonly string[];
  /** Ids of older data keys that the recipients can open from now on. */
  readonly rewrapped: readonly string[];
}

export interface OpenedKeys extends DataKeyTexts {
  readonly change?: KeyChange;
}

/** A wrapped data key: `<when it was made>-<its id>-<digest of its recipients>.age`. */
const NAME = /^(\d{8}T\d{9}Z)-([0-9a-f]{32})-([0-9a-f]{16})\.age$/;

interface WrappedKey {
  readonly name: string;
  readonly madeAt: string;
  readonly keyId: string;
  readonly recipients: string;
  /** Undefined if no identity here opens it. */
  readonly key: DataKey | undefined;
  readonly isDamaged: boolean;
}

/**
 * Opens the store's data keys, and makes a new one if its recipients are to be others than those of
 * the newest: whoever is not among them any more knew the old one. The older keys are wrapped to the
 * new recipients as well, so that these can read everything.
 *
 * Rejects with `backup-identity-missing`, `backup-identity-wrong`, `backup-identity-invalid` or
 * `backup-key-damaged` rather than write a backup that nobody here could verify.
 */
export async function openBackupKeys(
  objects: ObjectStore,
  encryption: BackupEncryption,
  now: string,
): Promise<OpenedKeys> {
  const { identityFile, mayMake, recipients } = encryption;
  const names = (await objects.list("keys")).filter((name) => NAME.test(name));
  const wanted = Array.isArray(recipients) && recipients.length > 0;
  if (names.length === 0 && !wanted) return { current: null, all: [] };
  let identities = await readIdentities(identityFile);
  // A store that has keys was made with an identity: a fresh one would open nothing of it.
  if (identities === undefined && wanted && mayMake && names.length === 0)
    identities = await makeIdentity(identityFile);
  if (identities === undefined) {
    if (recipients === "none") return { current: null, all: [] };
    throw identityMissing(identityFile);
  }
  const keys = await unwrapAll(objects, names, identities);
  if (recipients === "none") return { current: null, all: texts(keys) };
  const newest = keys.at(-1);
  if (newest?.isDamaged === true) throw damagedKey(newest.name);
  if (newest !== undefined && newest.key === undefined)
    throw identityWrong(identityFile, `keys/${newest.name}`);
  const set = wanted ? recipientSet(recipients, identities) : undefined;
  if (set === undefined || newest?.recipients === setDigest(set))
    return { current: text(newest!.key!), all: texts(keys) };
  return introduce(objects, set, keys, identities, now);
}

/**
 * The data keys of a store that is all there is left. Rejects with `backup-identity-missing` or
 * `backup-identity-wrong` if it is encrypted and nothing here opens it.
 */
export async function openToRead(
  objects: ObjectStore,
  identityFile: string | undefined,
): Promise<DataKeyTexts> {
  const names = (await objects.list("keys")).filter((name) => NAME.test(name));
  if (names.length === 0) return NO_KEYS;
  const file = identityFile ?? "identity file";
  const identities = identityFile === undefined ? undefined : await readIdentities(identityFile);
  if (identities === undefined) throw identityMissing(file);
  const all = texts(await unwrapAll(objects, names, identities));
  if (all.length === 0) throw identityWrong(file, "any key of the store");
  return { current: null, all };
}

async function introduce(
  objects: ObjectStore,
  recipients: readonly string[],
  keys: readonly WrappedKey[],
  identities: readonly Identity[],
  now: string,
): Promise<OpenedKeys> {
  const key = dataKey(randomBytes(KEY_BYTES));
  const madeAt = now.replaceAll(/[-:.]/g, "");
  await wrap(objects, madeAt, key, recipients, identities);
  const rewrapped = new Set<string>();
  for (const old of keys) {
    if (old.key === undefined) continue;
    await wrap(objects, old.madeAt, old.key, recipients, identities);
    rewrapped.add(old.keyId);
    // Only what was opened in its new wrapping loses the old one.
    if (old.recipients !== setDigest(recipients)) await objects.delete(`keys/${old.name}`);
  }
  const change = { keyId: key.id, recipients, rewrapped: [...rewrapped] };
  return { current: text(key), all: [...texts(keys), text(key)], change };
}

/** Puts the wrapped key, and proves that it can be opened again. */
async function wrap(
  objects: ObjectStore,
  madeAt: string,
  key: DataKey,
  recipients: readonly string[],
  identities: readonly Identity[],
): Promise<void> {
  const name = `${madeAt}-${key.id}-${setDigest(recipients)}.age`;
  await objects.put(`keys/${name}`, [encryptTo(recipients, Buffer.from(`${text(key)}\n`))]);
  const { key: opened } = await unwrap(objects, name, identities);
  if (opened?.id !== key.id) throw damagedKey(name);
}

/** In the order in which they were made. */
async function unwrapAll(
  objects: ObjectStore,
  names: readonly string[],
  identities: readonly Identity[],
): Promise<WrappedKey[]> {
  const keys: WrappedKey[] = [];
  for (const name of names) keys.push(await unwrap(objects, name, identities));
  return keys;
}

async function unwrap(
  objects: ObjectStore,
  name: string,
  identities: readonly Identity[],
): Promise<WrappedKey> {
  const [, madeAt, keyId, recipients] = NAME.exec(name)!;
  const file = (await objects.get(`keys/${name}`)) ?? Buffer.alloc(0);
  const known = { name, madeAt: madeAt!, keyId: keyId!, recipients: recipients! };
  try {
    const hex = decryptWith(identities, file)?.toString().trim();
    if (hex === undefined) return { ...known, key: undefined, isDamaged: false };
    const key = dataKey(Buffer.from(hex, "hex"));
    if (/^[0-9a-f]{64}$/.test(hex) && key.id === keyId) return { ...known, key, isDamaged: false };
  } catch {
    // Not an age file any more, or one whose content was changed.
  }
  return { ...known, key: undefined, isDamaged: true };
}

/** The service's own first identity is always one: it verifies what it writes. */
const recipientSet = (
  recipients: readonly string[],
  identities: readonly Identity[],
): readonly string[] =>
  [...new Set([identities[0]!.recipient, ...recipients.filter((one) => one !== OWN)])].toSorted();

/** In place of a recipient: the service's own identity alone. */
export const OWN = "own";

const setDigest = (recipients: readonly string[]): string =>
  hash("sha256", recipients.join("\n"), "hex").slice(0, 16);

const text = (key: DataKey): string => Buffer.from(key.secret).toString("hex");

const texts = (keys: readonly WrappedKey[]): string[] => [
  ...new Set(keys.flatMap(({ key }) => (key === undefined ? [] : [text(key)]))),
];

const damagedKey = (name: string): Unavailable =>
  new Unavailable("backup-key-damaged", `The wrapped key keys/${name} is damaged`, {
    hint: "Put the file back from a copy of the store; without it, what it opens is lost",
  });
