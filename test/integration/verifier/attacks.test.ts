import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ed25519Signer } from "../../../src/infra/signing/ed25519-signer.ts";
import type { StoredEntry } from "../../../src/domain/ledger/transparency-log.ts";
import { digest } from "../../support/digest.ts";
import { ROOT, textOf } from "../../support/repository.ts";
import { sampleEntries, sampleEntry, writeLog } from "../../support/sample-log.ts";
import { SIGNER } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const VERIFIER = join(ROOT, "verifier/verify.js");
const SIZE = 300;
const OLD = 290;

/** What each attack makes of the log, on files. It is signed anew where the attacker has the key. */
const ATTACKS: { readonly [name: string]: (log: string) => Promise<void> | void } = {
  "nothing was done": () => undefined,
  "edit one stored entry": (log) => edit(join(log, "tile/entries/000"), "KeyRevoked", "KeyRevokes"),
  "edit and recompute the tiles, without the key": async (log) => {
    const checkpoint = readFileSync(join(log, "checkpoint"));
    await rewrite(log, changed(7));
    writeFileSync(join(log, "checkpoint"), checkpoint);
  },
  "edit an old entry and sign again": (log) => rewrite(log, changed(7)),
  "drop an entry from the middle and sign again": (log) =>
    rewrite(log, renumbered(sampleEntries(SIZE).toSpliced(100, 1))),
  "swap two entries and sign again": (log) => {
    const entries = sampleEntries(SIZE);
    return rewrite(log, renumbered(entries.with(100, entries[101]!).with(101, entries[100]!)));
  },
  "cut off the end and sign again": (log) => rewrite(log, sampleEntries(280)),
  "put an honest older state in its place": (log) => rewrite(log, sampleEntries(280)),
  "edit an entry behind the kept checkpoint and sign again": (log) => rewrite(log, changed(295)),
  "sign with another key": (log) =>
    rewrite(
      log,
      sampleEntries(SIZE),
      Ed25519Signer.fromSeed(SIGNER.name, new Uint8Array(32).fill(9)),
    ),
  "swap a payload": (log) => edit(join(log, "payloads/000"), '"n":7}', '"n":8}'),
  "take a payload away": (log) => {
    const file = join(log, "payloads/000");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^.*"n":7\}.*$/m, "-"));
  },
  "take all payloads away, as if it were a log alone": (log) =>
    rmSync(join(log, "payloads"), { recursive: true }),
  "take the text of a migration away": async (log) => {
    const up = digest.ofText("CREATE TABLE a (b)");
    const payload = { context: {}, data: { version: "1", up } };
    const entry = sampleEntry(295, { type: "MigrationRegistered", payload });
    await rewrite(
      log,
      sampleEntries(SIZE).with(295, entry),
      SIGNER,
      new Map([[up, "CREATE TABLE a (b)"]]),
    );
    assert.equal(verify(log, "--vkey", SIGNER.verifierKey), 0);
    rmSync(join(log, "contents", up.slice("sha256:".length)));
  },
  "take a tile away": (log) => rmSync(join(log, "tile/1/000.p/1")),
  "take a bundle of entries away": (log) => rmSync(join(log, "tile/entries/000")),
  "edit a tile of hashes": (log) => {
    const file = join(log, "tile/0/000");
    writeFileSync(file, Uint8Array.from(readFileSync(file)).fill(1, 40, 41));
  },
  "put a file among the tiles": (log) => writeFileSync(join(log, "tile/0/more"), "x"),
};

describe("attacks on an exported log", () => {
  const directory = temporaryDirectory();
  const table = rowsOf("docs/reference/attacks.md");

  for (const [name, attack] of Object.entries(ATTACKS))
    it(`${name}: as the table says`, async () => {
      const log = directory.file("log");
      await writeLog(log, sampleEntries(OLD));
      const kept = directory.file("kept");
      copyFileSync(join(log, "checkpoint"), kept);
      await writeLog(log, sampleEntries(SIZE));
      await attack(log);
      const alone = verify(log, "--vkey", SIGNER.verifierKey);
      const compared = verify(log, "--vkey", SIGNER.verifierKey, "--checkpoint", kept);
      assert.deepEqual([alone, compared], table.get(name));
    });

  it("are those of the table, all of them", () => {
    assert.deepEqual([...table.keys()].toSorted(), Object.keys(ATTACKS).toSorted());
  });

  it("behind a kept checkpoint are found by a newer one", async () => {
    const log = directory.file("log");
    await writeLog(log, sampleEntries(SIZE));
    const newer = directory.file("newer");
    copyFileSync(join(log, "checkpoint"), newer);
    await rewrite(log, changed(295));
    assert.equal(verify(log, "--vkey", SIGNER.verifierKey, "--checkpoint", newer), 20);
  });

  it("need the verifier's arguments to be right", async () => {
    const log = directory.file("log");
    await writeLog(log, sampleEntries(3));
    assert.equal(verify(log), 0, "with the key that came with it, and a warning");
    assert.equal(verify(), 2);
    assert.equal(verify(directory.file("none")), 2);
    assert.equal(verify(log, "--nonsense"), 2);
    assert.equal(verify(log, "--vkey", SIGNER.verifierKey.replace("+", "x+")), 2);
    assert.equal(verify(log, "--max-age", "1"), 30);
    rmSync(join(log, "checkpoint"));
    assert.equal(verify(log), 10);
  });
});

function verify(...args: readonly string[]): number | null {
  return spawnSync(process.execPath, [VERIFIER, ...args]).status;
}

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, "latin1");
  assert.ok(text.includes(from));
  writeFileSync(file, text.replace(from, to), "latin1");
}

const changed = (index: number): StoredEntry[] =>
  sampleEntries(SIZE).with(
    index,
    sampleEntry(index, { actor: "act_00000000000000000000000000000000" }),
  );

/** What a careful attacker does: every entry says that it is where it is. */
const renumbered = (entries: readonly StoredEntry[]): StoredEntry[] => {
  const streams = new Map<string, number>();
  return entries.map((entry, index) => {
    const envelope = JSON.parse(Buffer.from(entry.leaf).toString()) as { stream: string };
    const place = streams.get(envelope.stream) ?? 0;
    streams.set(envelope.stream, place + 1);
    const leaf = Buffer.from(JSON.stringify({ ...envelope, index, stream_pos: place }));
    return { ...entry, index, leaf };
  });
};

async function rewrite(
  log: string,
  entries: readonly StoredEntry[],
  signer = SIGNER,
  contents?: ReadonlyMap<string, string>,
): Promise<void> {
  rmSync(log, { recursive: true });
  await writeLog(log, entries, signer, contents);
}

/** Attack → exit codes without and with a kept checkpoint. */
function rowsOf(page: string): Map<string, number[]> {
  const rows = textOf(page).matchAll(/^\| ([^|`]+) \| (\d+) \| (\d+) \|$/gm);
  return new Map(
    [...rows].map(([, name, alone, kept]) => [name!.trim(), [Number(alone), Number(kept)]]),
  );
}
