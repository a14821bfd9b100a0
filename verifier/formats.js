// The formats, each in a few lines: RFC 6962 hashes, C2SP signed notes, tile paths, tar, tlog-policy.
// Nothing here comes from Schemaledger's own code.
import { createHash, createPublicKey, verify } from "node:crypto";

/** Something that was checked and is not as it must be; `code` becomes the exit code. */
export class Failed extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
export const INVALID = 10;
export const FORKED = 20;
export const TRUNCATED = 21;
export const STALE = 30;
export const PAYLOAD_MISSING = 40;

const fail = (message) => {
  throw new Failed(INVALID, message);
};

export const sha256 = (...parts) => {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return sum.digest();
};
export const leafHash = (entry) => sha256(Buffer.of(0), entry);
export const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** Canonical base64 only: encoding it again gives the same text. */
export function base64(text) {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : fail(`Not canonical base64: ${text}`);
}

/** `name+hexid+base64(type || key)`. The id must be that of the name and key. */
export function verifierKey(text) {
  const [, name, id, rest] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text.trim()) ?? [];
  if (name === undefined) throw new Failed(2, `Not a verifier key: ${text}`);
  const typed = base64(rest);
  const right = sha256(`${name}\n`, typed).subarray(0, 4).toString("hex") === id;
  if (!right || typed.length !== 33 || (typed[0] !== 1 && typed[0] !== 4))
    throw new Failed(2, `The verifier key ${name} does not fit its own id, or has an unknown type`);
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), typed.subarray(1)]);
  return { name, id, type: typed[0], key: createPublicKey({ key: der, format: "der", type: "spki" }) };
}

/**
 * The text of a signed note and the names and ids whose signature was checked. Unknown signers are
 * ignored; a wrong signature of a known one refuses the note.
 */
export function openNote(bytes, keys) {
  const note = bytes.toString("utf8");
  const blank = note.lastIndexOf("\n\n");
  // oxlint-disable-next-line no-control-regex
  if (blank < 0 || !note.endsWith("\n") || /[\u0000-\u0009\u000b-\u001f]/u.test(note))
    fail("Not a signed note");
  const text = note.slice(0, blank + 1);
  const signed = [];
  for (const line of note.slice(blank + 2, -1).split("\n")) {
    const [, name, encoded] = /^— ([^\s+]+) (\S+)$/u.exec(line) ?? fail("Not a signature line");
    const signature = base64(encoded);
    const id = signature.subarray(0, 4).toString("hex");
    const known = keys.find((key) => key.name === name && key.id === id);
    if (known === undefined) continue;
    // A cosignature has the time before it, and signs it, too.
    const time = known.type === 4 ? Number(signature.readBigUInt64BE(4)) : undefined;
    const message = known.type === 4 ? `cosignature/v1\ntime ${time}\n${text}` : text;
    const raw = signature.subarray(known.type === 4 ? 12 : 4);
    if (raw.length !== 64 || !verify(null, Buffer.from(message), known.key, raw))
      fail(`The signature of ${name} is wrong`);
    signed.push({ name, id, time });
  }
  return { text, signed };
}

/** Origin, size and root of a checkpoint that one of the log's keys has signed. */
export function openCheckpoint(bytes, logKeys, witnessKeys = []) {
  const { text, signed } = openNote(bytes, [...logKeys, ...witnessKeys]);
  const [origin, size, root] = text.split("\n");
  if (!/^(0|[1-9]\d{0,15})$/.test(size ?? "")) fail("The checkpoint has no size");
  const log = signed.filter(({ name, id }) => logKeys.some((key) => key.name === name && key.id === id));
  if (log.length === 0) fail("No key of the log that is known here has signed the checkpoint");
  if (log.some(({ name }) => name !== origin)) fail(`The origin ${origin} is not the signer's name`);
  if (base64(root ?? "").length !== 32) fail("The checkpoint's root is not a hash");
  return { origin, size: Number(size), root: base64(root), signed };
}

/** `tile/0/x001/067.p/3`; level may be `entries`, and the whole may begin with `payloads`. */
export function tilePath(level, index, width) {
  const groups = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0").match(/\d{3}/g);
  const name = groups.map((three, i) => (i < groups.length - 1 ? `x${three}` : three)).join("/");
  const place = level === "payloads" ? level : `tile/${level}`;
  return `${place}/${name}${width === 256 ? "" : `.p/${width}`}`;
}

/** What `tilePath` made: level, index and width; undefined for another path. */
export function parseTilePath(path) {
  const form = /^(?:tile\/(entries|\d+)|(payloads))\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/;
  const [, level, payloads, name, partial] = form.exec(path) ?? [];
  if (name === undefined) return undefined;
  const index = Number(name.replaceAll(/[x/]/g, ""));
  const width = partial === undefined ? 256 : Number(partial);
  const place = payloads ?? (level === "entries" ? level : Number(level));
  return tilePath(place, index, width) === path ? { level: place, index, width } : undefined;
}

/** The entries of a bundle: two bytes of length, big-endian, before each. */
export function entriesOf(bundle, path) {
  const entries = [];
  for (let at = 0; at < bundle.length;) {
    const end = at + 2 <= bundle.length ? at + 2 + bundle.readUInt16BE(at) : Infinity;
    if (end > bundle.length) fail(`${path} ends within an entry`);
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

/** The files in a tar archive (ustar; no links, no special files). */
export function filesOfTar(archive) {
  const files = new Map();
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const header = archive.subarray(at, at + 512);
    const text = (from, to) => header.subarray(from, to).toString("utf8").replace(/\0.*$/s, "");
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    const size = Number.parseInt(text(124, 136), 8);
    const type = text(156, 157);
    if (Number.parseInt(text(148, 156), 8) !== sum || !(size >= 0)) fail("The archive is damaged");
    const name = [text(345, 500), text(0, 100)].filter(Boolean).join("/");
    if (type !== "0" && type !== "" && type !== "5") fail(`The archive holds a link: ${name}`);
    if (type !== "5" && files.has(name)) fail(`The archive holds ${name} twice`);
    if (type !== "5") files.set(name, archive.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** A tlog-policy file: whose signatures a checkpoint needs. */
export function parsePolicy(text) {
  const policy = { log: [], witnesses: [], groups: new Map(), quorum: "none" };
  for (const line of text.split("\n").map((one) => one.replace(/#.*/, "").trim())) {
    const [word, name, ...rest] = line.split(/\s+/);
    if (word === "") continue;
    else if (word === "log") policy.log.push(verifierKey(name));
    else if (word === "witness") policy.witnesses.push({ name, key: verifierKey(rest[0]) });
    else if (word === "group") policy.groups.set(name, { need: rest[0], members: rest.slice(1) });
    else if (word === "quorum") policy.quorum = name;
    else throw new Failed(2, `The policy has an unknown line: ${line}`);
  }
  return policy;
}

/** Whether those who signed are enough. */
export function meetsQuorum(policy, signed) {
  const met = (name) => {
    const witness = policy.witnesses.find((one) => one.name === name);
    if (witness !== undefined)
      return signed.some(({ name: by, id }) => by === witness.key.name && id === witness.key.id);
    const group = policy.groups.get(name);
    if (group === undefined) throw new Failed(2, `The policy names ${name} and does not say who it is`);
    const need = { any: 1, all: group.members.length }[group.need] ?? Number(group.need);
    return group.members.filter(met).length >= need;
  };
  return policy.quorum === "none" || met(policy.quorum);
}
