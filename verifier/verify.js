#!/usr/bin/env node
// Checks a log that Schemaledger exported, a proof file, or an evidence bundle. See README.md.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { base64, entriesOf, filesOfTar, leafHash, nodeHash, openCheckpoint, sha256, verifierKey } from "./formats.js";
import { Failed, FORKED, INVALID, PAYLOAD_MISSING, STALE, TRUNCATED } from "./formats.js";
import { meetsQuorum, parsePolicy, parseTilePath, tilePath } from "./formats.js";

const KEPT = /^checkpoints\/\d{15}$/;
/** Members of payloads that name a text in contents/ by its digest. */
const TEXTS = { MigrationRegistered: ["up", "down", "verify", "signature"], CheckpointAnchored: ["token", "note"] };
const USAGE = `verify.js LOG [--vkey KEY]... [--policy FILE] [--checkpoint FILE]... [--max-age HOURS]
verify.js proof FILE --entry FILE [--vkey KEY]... [--policy FILE]
  LOG is an exported directory or an evidence bundle (.tar); KEY a verifier key or a file with some`;

/** Findings by exit code; the first of these that there is becomes the exit code. */
const ORDER = [2, INVALID, FORKED, TRUNCATED, STALE, PAYLOAD_MISSING];
const findings = [];
const find = (code, message) => void findings.push({ code, message });
const below = (all, prefix) =>
  new Map([...all].flatMap(([path, bytes]) => (path.startsWith(prefix) ? [[path.slice(prefix.length), bytes]] : [])));
const say = (text) => void process.stdout.write(`${text}\n`);

try {
  const options = { multiple: true, type: "string" };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      vkey: options,
      checkpoint: options,
      policy: { type: "string" },
      entry: { type: "string" },
      "max-age": { type: "string" },
    },
  });
  if (positionals[0] === "proof" && positionals.length === 2) checkProof(positionals[1], values);
  else if (positionals.length === 1) checkLog(positionals[0], values);
  else throw new Failed(2, USAGE);
} catch (error) {
  const usage = error.code?.startsWith?.("ERR_PARSE_ARGS") || error.code?.startsWith?.("E");
  find(error instanceof Failed ? error.code : usage ? 2 : INVALID, error.message);
}
for (const { code, message } of findings.slice(0, 50)) say(`${code}  ${message}`);
if (findings.length > 50) say(`… and ${findings.length - 50} more`);
say(findings.length === 0 ? "ok" : "NOT OK");
process.exitCode = ORDER.find((code) => findings.some((one) => one.code === code)) ?? 0;

/** Keys as given, or as they come with the log, which proves nothing about who made it. */
function trust({ vkey = [], policy }, beside) {
  const rules = parsePolicy(policy === undefined ? "" : readFileSync(policy, "utf8"));
  const lines = vkey.flatMap((one) => (existsSync(one) ? keyLines(readFileSync(one)) : [one]));
  const log = [...rules.log, ...lines.map(verifierKey)];
  if (log.length > 0) return { ...rules, log };
  if (beside === undefined) throw new Failed(2, "Name the verifier key with --vkey");
  say("warning: the verifier key is the one that came with the log; give one you know with --vkey");
  return { ...rules, log: keyLines(beside).map(verifierKey) };
}

function keyLines(bytes) {
  return bytes.toString("utf8").split("\n").filter(Boolean);
}

/** Everything about a log, in this order: signatures, entries, tree, kept checkpoints, payloads. */
function checkLog(place, values) {
  const all = statSync(place).isDirectory() ? filesOfDirectory(place) : filesOfTar(readFileSync(place));
  const bundle = all.has("manifest.json");
  const log = bundle ? below(all, "log/") : all;
  const keys = trust(values, log.get("vkey"));
  const witnesses = keys.witnesses.map(({ key }) => key);
  if (!log.has("checkpoint")) throw new Failed(INVALID, "There is no checkpoint");
  const checkpoint = openCheckpoint(log.get("checkpoint"), keys.log, witnesses);
  say(`${checkpoint.origin}: ${checkpoint.size} entries, root ${checkpoint.root.toString("base64")}`);
  if (!meetsQuorum(keys, checkpoint.signed)) find(STALE, "The policy's quorum did not sign");
  const kept = (values.checkpoint ?? []).map((file) => ({
    file,
    ...openCheckpoint(readFileSync(file), keys.log, witnesses),
  }));
  kept.push(...keptBeside(log, keys.log, witnesses));
  const { levels, roots, last, issued } = checkEntries(log, checkpoint, kept);
  if (!roots.get(checkpoint.size)?.equals(checkpoint.root))
    find(INVALID, "The entries are not those that the checkpoint was signed for");
  checkTiles(log, levels, checkpoint.size);
  for (const one of kept) checkKept(one, checkpoint, roots);
  checkAge(values["max-age"], last);
  if (bundle) checkBundle(all, issued);
}

/** Older checkpoints that an export in a bucket keeps. One of a key that has been retired says nothing here. */
function keptBeside(log, keys, witnesses) {
  return [...log].flatMap(([file, bytes]) => {
    try {
      return KEPT.test(file) ? [{ file, ...openCheckpoint(bytes, keys, witnesses) }] : [];
    } catch {
      return say(`${file} is not signed by a key that is known here`) ?? [];
    }
  });
}

function checkKept(kept, now, roots) {
  if (kept.origin !== now.origin) find(FORKED, `${kept.file} is of another log: ${kept.origin}`);
  else if (kept.size > now.size)
    find(TRUNCATED, `${kept.file} has ${kept.size} entries, the log has only ${now.size}`);
  else if (!roots.get(kept.size)?.equals(kept.root))
    find(FORKED, `The log does not continue ${kept.file}: its first ${kept.size} entries were changed`);
  else if (!KEPT.test(kept.file)) say(`continues ${kept.file} (${kept.size} entries)`);
}

function checkAge(hours, last) {
  if (hours === undefined) return;
  const age = (Date.now() - Date.parse(last ?? 0)) / 3_600_000;
  if (!(age <= Number(hours))) find(STALE, `The newest entry is ${age.toFixed(1)} hours old`);
}

/** Reads every entry once: its form, its place, its payload; and builds the tree over them. */
function checkEntries(log, { size }, kept) {
  const levels = [[]];
  const roots = new Map([size, ...kept.map((one) => one.size)].map((at) => [at, undefined]));
  const streams = new Map();
  const ids = new Set();
  const issued = new Set();
  const frontier = [];
  const withPayloads = [...log.keys()].some((path) => path.startsWith("payloads/"));
  if (!withPayloads) say("a log alone: there are no payloads here that could be checked");
  let last;
  if (roots.has(0)) roots.set(0, sha256());
  for (let index = 0; index * 256 < size; index += 1) {
    const width = Math.min(256, size - index * 256);
    const path = tilePath("entries", index, width);
    const bundle = log.get(path);
    if (bundle === undefined) throw new Failed(INVALID, `${path} is missing`);
    const entries = entriesOf(bundle, path);
    if (entries.length !== width) throw new Failed(INVALID, `${path} has ${entries.length} entries`);
    const payloads = withPayloads ? payloadsOf(log, index, width) : undefined;
    for (const [i, entry] of entries.entries()) {
      const at = index * 256 + i;
      const envelope = checkEnvelope(entry, at, streams, ids);
      last = envelope?.time;
      if (payloads !== undefined) checkPayload(log, payloads[i], envelope ?? {}, at, issued);
      addLeaf(levels[0], frontier, leafHash(entry));
      if (roots.has(at + 1)) roots.set(at + 1, frontier.reduceRight((right, left) => nodeHash(left, right)));
    }
  }
  return { levels, roots, last, issued };
}

/** The roots of the perfect subtrees so far, largest first: one for each 1-bit of the size. */
function addLeaf(leaves, frontier, leaf) {
  let hash = leaf;
  for (let size = leaves.length; size % 2 === 1; size = (size - 1) / 2)
    hash = nodeHash(frontier.pop(), hash);
  frontier.push(hash);
  leaves.push(leaf);
}

function checkEnvelope(entry, at, streams, ids) {
  try {
    const envelope = JSON.parse(entry.toString("utf8"));
    const place = streams.get(envelope.stream) ?? 0;
    if (envelope.index !== at) find(INVALID, `Entry ${at} says that it is ${envelope.index}`);
    if (envelope.stream_pos !== place)
      find(INVALID, `Entry ${at} is ${envelope.stream_pos} in ${envelope.stream}, not ${place}`);
    if (ids.has(envelope.id)) find(INVALID, `Entry ${at} repeats the id ${envelope.id}`);
    streams.set(envelope.stream, place + 1);
    ids.add(envelope.id);
    return envelope;
  } catch {
    find(INVALID, `Entry ${at} is not JSON`);
    return undefined;
  }
}

function payloadsOf(log, index, width) {
  const file = log.get(tilePath("payloads", index, width));
  if (file === undefined) return Array(width).fill("-");
  const lines = file.toString("utf8").split("\n");
  if (lines.pop() !== "" || lines.length !== width)
    find(INVALID, `The payloads of tile ${index} are not ${width} lines`);
  return lines;
}

/** A line is base64 of the salt, a space, the payload. Texts it names are in contents/. */
function checkPayload(log, line, envelope, at, issued) {
  if (line === undefined || line === "-") return find(PAYLOAD_MISSING, `Entry ${at} has no payload`);
  const [salt] = line.split(" ", 1);
  const text = line.slice(salt.length + 1);
  const hash = `sha256:${sha256(base64(salt), text).toString("hex")}`;
  if (hash !== envelope.data_hash) return find(INVALID, `The payload of entry ${at} was changed`);
  const { data } = JSON.parse(text);
  if (envelope.type === "ReportIssued") issued.add(data.sha256);
  for (const hex of (TEXTS[envelope.type] ?? []).flatMap((name) => data[name]?.slice("sha256:".length) ?? []))
    if (!log.has(`contents/${hex}`)) find(PAYLOAD_MISSING, `A text that entry ${at} names is missing: ${hex}`);
}

/** Every tile that the size needs is there, and every tile that is there is right. */
function checkTiles(log, levels, size) {
  for (let level = 0; Math.floor(levels[level].length / 256) > 0; level += 1) levels.push(parents(levels[level]));
  for (const [level, hashes] of levels.entries())
    for (let index = 0; index * 256 < hashes.length; index += 1) {
      const path = tilePath(level, index, Math.min(256, hashes.length - index * 256));
      if (!log.has(path)) find(INVALID, `${path} is missing`);
    }
  for (const [path, bytes] of log) {
    const tile = parseTilePath(path);
    if (tile === undefined) checkOther(path, bytes);
    else if (typeof tile.level === "number") {
      const { level, index, width } = tile;
      const right = (levels[level] ?? []).slice(index * 256, index * 256 + width);
      if (right.length < width || !bytes.equals(Buffer.concat(right)))
        find(INVALID, `${path} is not the tile of the entries`);
    } else checkLeftover(log, tile, path, bytes, size);
  }
}

function parents(hashes) {
  const above = [];
  for (let at = 0; at + 256 <= hashes.length; at += 256) {
    let row = hashes.slice(at, at + 256);
    while (row.length > 1) row = row.flatMap((left, i) => (i % 2 === 0 ? [nodeHash(left, row[i + 1])] : []));
    above.push(row[0]);
  }
  return above;
}

/** A narrower bundle of an earlier, smaller log is the beginning of the present one. */
function checkLeftover(log, { level, index, width }, path, bytes, size) {
  const present = log.get(tilePath(level, index, Math.min(256, size - index * 256)));
  if (index * 256 + width > size || !present?.subarray(0, bytes.length).equals(bytes))
    find(INVALID, `${path} is not the beginning of the present one`);
}

function checkOther(path, bytes) {
  const [, hex] = /^contents\/([0-9a-f]{64})$/.exec(path) ?? [];
  if (hex !== undefined && sha256(bytes).toString("hex") !== hex) find(INVALID, `${path} was changed`);
  if (hex === undefined && !KEPT.test(path) && !["checkpoint", "vkey", "README.txt"].includes(path))
    find(INVALID, `${path} is no part of a log`);
}

/** What is beside the log is named by the manifest, and the manifest by an event in the log. */
function checkBundle(all, issued) {
  const manifest = all.get("manifest.json");
  const digest = (bytes) => `sha256:${sha256(bytes).toString("hex")}`;
  if (!issued.has(digest(manifest)))
    find(INVALID, "No ReportIssued event of the log names this manifest");
  const { files } = JSON.parse(manifest.toString("utf8"));
  for (const [path, expected] of Object.entries(files))
    if (!all.has(path)) find(INVALID, `${path} is missing`);
    else if (digest(all.get(path)) !== expected) find(INVALID, `${path} was changed`);
  const loose = [...all.keys()].filter((path) => !/^log\/(checkpoint|tile\/|payloads\/|contents\/)/.test(path));
  for (const path of loose)
    if (path !== "manifest.json" && files[path] === undefined) find(INVALID, `${path} is not in the manifest`);
  say(`${Object.keys(files).length} files of the bundle`);
}

/** A proof file and the entry that it is about (C2SP tlog-proof; RFC 9162 2.1.3.2). */
function checkProof(file, values) {
  if (values.entry === undefined) throw new Failed(2, "Name the entry's file with --entry");
  const text = readFileSync(file, "utf8");
  const end = text.indexOf("\n\n");
  const [header, ...lines] = text.slice(0, end).split("\n");
  if (end < 0 || header !== "c2sp.org/tlog-proof@v1") throw new Failed(INVALID, "Not a proof file");
  const extra = lines[0]?.startsWith("extra ") ? base64(lines.shift().slice(6)) : undefined;
  const [, index] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? "") ?? [];
  const keys = trust(values);
  const witnesses = keys.witnesses.map(({ key }) => key);
  const checkpoint = openCheckpoint(Buffer.from(text.slice(end + 2)), keys.log, witnesses);
  if (!meetsQuorum(keys, checkpoint.signed)) find(STALE, "The policy's quorum did not sign");
  const entry = readFileSync(values.entry);
  const root = rootByPath(Number(index), checkpoint.size, leafHash(entry), lines.map(base64));
  if (!root?.equals(checkpoint.root)) throw new Failed(INVALID, "The entry is not in the log");
  const envelope = JSON.parse(entry.toString("utf8"));
  if (envelope.index !== Number(index)) throw new Failed(INVALID, "The entry has another index");
  say(`entry ${index} of ${checkpoint.origin}, size ${checkpoint.size}: ${envelope.type}, ${envelope.time}`);
  if (extra === undefined) return find(PAYLOAD_MISSING, "The proof carries no payload");
  if (`sha256:${sha256(extra).toString("hex")}` !== envelope.data_hash)
    throw new Failed(INVALID, "The payload is not that of the entry");
  say(extra.subarray(16).toString("utf8"));
}

function rootByPath(index, size, leaf, path) {
  if (!(index < size)) return undefined;
  let [node, last, hash] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0 || sibling.length !== 32) return undefined;
    const left = node % 2 === 1 || node === last;
    hash = left ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
    if (left) while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : undefined;
}

function filesOfDirectory(root, prefix = "", files = new Map()) {
  for (const entry of readdirSync(join(root, prefix), { withFileTypes: true })) {
    const path = prefix + entry.name;
    if (entry.isDirectory()) filesOfDirectory(root, `${path}/`, files);
    // Unfinished files of an export that is being written.
    else if (!entry.name.startsWith(".")) files.set(path, readFileSync(join(root, path)));
  }
  return files;
}

