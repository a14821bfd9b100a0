// Restores a backup with nothing but Node (22.15 or newer) and a backup store.
//   node restore-backup.mjs STORE                       lists the backups
//   node restore-backup.mjs STORE BACKUP-ID DIRECTORY   writes its files into DIRECTORY
// Of an encrypted store, the environment variable DATA_KEYS has the data keys in hex, separated by
// blanks: each is what `age --decrypt -i IDENTITY STORE/keys/…` prints.
import { createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { mkdirSync, openSync, readFileSync, readdirSync, closeSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32, zstdDecompressSync } from "node:zlib";

const PAGE = 4096;
const SEGMENT = 262144;
const [store, backupId, directory] = process.argv.slice(2);

const hkdf = (key, salt, info, length) => Buffer.from(hkdfSync("sha256", key, salt, info, length));
const dataKeys = new Map(
  (process.env.DATA_KEYS ?? "")
    .split(/\s+/)
    .filter(Boolean)
    .map((hex) => {
      const key = Buffer.from(hex, "hex");
      return [hkdf(key, "", "schemaledger key id", 16).toString("hex"), key];
    }),
);

const sha256 = (...parts) => {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return sum.digest();
};

/** An object: its directory, and a function that gives its frames. */
function open(folder, name) {
  const bytes = readFileSync(join(store, folder, name));
  const header = bytes.subarray(0, 48);
  if (header.toString("latin1", 0, 8) !== "SLBACKUP") throw new Error(`${name} is no object`);
  const salt = header.subarray(28, 44);
  if (folder !== "manifests" && salt.toString("hex") !== name)
    throw new Error(`${name} is another`);
  let key;
  if (header[9] === 1) {
    const id = header.toString("hex", 12, 28);
    if (!dataKeys.has(id)) throw new Error(`DATA_KEYS has no key ${id}`);
    key = hkdf(dataKeys.get(id), salt, "schemaledger object", 32);
  }
  const unseal = (number, from, length) => {
    const stored = bytes.subarray(from, from + length);
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(number);
    const bound = Buffer.concat([header.subarray(0, 44), counter]);
    if (key === undefined) {
      const packed = stored.subarray(0, -4);
      if (crc32(packed, crc32(bound)) !== stored.readUInt32BE(packed.length))
        throw new Error(`Frame ${number} of ${name} is damaged`);
      return zstdDecompressSync(packed);
    }
    const nonce = Buffer.concat([Buffer.alloc(8), counter]);
    const cipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
    cipher.setAAD(bound);
    cipher.setAuthTag(stored.subarray(-16));
    const packed = cipher.update(stored.subarray(0, -16));
    cipher.final(); // Throws if a bit is wrong.
    return zstdDecompressSync(packed);
  };
  const first = 48 + header.readUInt32BE(44);
  const directory = JSON.parse(unseal(0, 48, first - 48).toString());
  const starts = [first];
  for (const length of directory.frames) starts.push(starts.at(-1) + length);
  return {
    directory,
    frame: (number) => unseal(number, starts[number - 1], directory.frames[number - 1]),
  };
}

/** Merkle tree hash of RFC 6962 over the entries. */
function merkle(entries) {
  if (entries.length === 0) return sha256();
  if (entries.length === 1) return sha256(Buffer.of(0), entries[0]);
  let half = 1;
  while (half * 2 < entries.length) half *= 2;
  return sha256(Buffer.of(1), merkle(entries.slice(0, half)), merkle(entries.slice(half)));
}

/** Pages of a segment: digest and place, the last list that speaks of a page being right. */
function segmentOf(lists, count) {
  const pages = Array.from({ length: count });
  for (const name of lists) {
    const list = open("lists", name);
    for (let number = 1; number <= list.directory.frames.length; number += 1) {
      const entries = list.frame(number);
      for (let at = 0; at < entries.length; at += 44) {
        const page = entries.readUInt32BE(at);
        if (page >= count) continue; // The content has become shorter since.
        pages[page] = {
          digest: entries.subarray(at + 4, at + 36),
          pack: list.directory.packs[entries.readUInt32BE(at + 36)],
          frame: entries.readUInt16BE(at + 40),
          slot: entries.readUInt16BE(at + 42),
        };
      }
    }
  }
  return pages;
}

function restore() {
  const { content } = open("manifests", backupId).directory;
  mkdirSync(directory, { recursive: true });
  const files = content.files.map(({ name, bytes }) => ({ name, bytes, first: 0 }));
  let all = 0;
  for (const file of files) {
    file.first = all;
    all += Math.ceil(file.bytes / PAGE);
    file.fd = openSync(join(directory, file.name), "wx", 0o600);
  }
  const entries = [];
  content.segments.forEach((lists, segment) => {
    const base = segment * SEGMENT;
    const pages = segmentOf(lists, Math.min(SEGMENT, all - base));
    for (let at = 0; at < pages.length; at += 256)
      entries.push(Buffer.concat(pages.slice(at, at + 256).map(({ digest }) => digest)));
    const byFrame = Map.groupBy(pages.keys(), (at) => `${pages[at].pack} ${pages[at].frame}`);
    for (const [place, numbers] of byFrame) {
      const [pack, frame] = place.split(" ");
      const raw = open("packs", pack).frame(Number(frame));
      for (const number of numbers) {
        const { slot, digest } = pages[number];
        const page = raw.subarray(slot * PAGE, (slot + 1) * PAGE);
        if (!sha256(page).equals(digest)) throw new Error(`Page ${base + number} is damaged`);
        const file = files.findLast(({ first, bytes }) => first <= base + number && bytes > 0);
        const offset = (base + number - file.first) * PAGE;
        writeSync(file.fd, page.subarray(0, file.bytes - offset), 0, undefined, offset);
      }
    }
  });
  for (const file of files) closeSync(file.fd);
  if (merkle(entries).toString("hex") !== content.sha256) throw new Error("Another content");
  console.log(`Restored ${files.map(({ name }) => join(directory, name)).join(", ")}`);
}

if (backupId !== undefined && directory !== undefined) restore();
else
  for (const id of readdirSync(join(store, "manifests")).filter((name) => !name.startsWith("."))) {
    const { database, kind, createdAt, applied, content } = open("manifests", id).directory;
    console.log(id, createdAt, database, kind, `version ${applied.at(-1) ?? "-"}`, content.sha256);
  }
