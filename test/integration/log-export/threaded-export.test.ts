import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseVerifierKey } from "../../../src/domain/ledger/verifier-key.ts";
import { ExportFiles } from "../../../src/infra/log-export/export-files.ts";
import { LogExport } from "../../../src/infra/log-export/log-export.ts";
import { ThreadedExport } from "../../../src/infra/log-export/threaded-export.ts";
import { LedgerOnDisk } from "../../../src/infra/sqlite/ledger-on-disk.ts";
import { digest } from "../../support/digest.ts";
import { appendTo, revoked } from "../../support/ledger-samples.ts";
import { openLedger, SIGNER } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const KEYS = [parseVerifierKey(digest, SIGNER.verifierKey)];
const VKEYS = [SIGNER.verifierKey];
/** So many are left to the thread. */
const MANY = 4096;

describe("exporting the log in a thread", function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  function opened() {
    const file = directory.file("ledger.db");
    const tileCache = directory.file("tiles");
    const ledger = openLedger(file);
    closers.push(() => ledger.close());
    const append = async (events: number): Promise<void> => {
      const text = `text ${events}`;
      const contents = [{ digest: digest.ofText(text), text }];
      const sample = revoked(events, contents[0]!.digest);
      await ledger.append(appendTo("a", "any", { events: sample, contents }));
    };
    const here = (name: string): LogExport => {
      const { log, content } = onDisk();
      return new LogExport(new ExportFiles(directory.file(name)), {
        log,
        content,
        digest,
        keys: () => KEYS,
      });
    };
    const onDisk = (): LedgerOnDisk => {
      const found = new LedgerOnDisk(file, digest, tileCache);
      closers.push(() => found.close());
      return found;
    };
    const threaded = (name: string): ThreadedExport => {
      const data = { ledger: { file, tileCache }, directory: directory.file(name), payloads: true };
      const target = new ThreadedExport(here(name), data, () => KEYS);
      closers.push(() => target.close());
      return target;
    };
    return { ledger, append, here, threaded };
  }

  /** Every file with its mode and bytes. */
  const filesIn = (name: string): (readonly [string, number, string])[] =>
    readdirSync(directory.file(name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map(
        (path) =>
          [
            path.slice(directory.file(name).length),
            statSync(path).mode,
            digest.ofBytes(readFileSync(path)),
          ] as const,
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1));

  it("gives the same files as here, whatever is left to the thread", async () => {
    const { ledger, append, here, threaded } = opened();
    const [target, beside] = [threaded("threaded"), here("here")];
    // Little, much, little, nothing, and much again.
    for (const events of [10, MANY + 300, 5, 0, MANY]) {
      if (events > 0) await append(events);
      const checkpoint = await ledger.checkpoint();
      const { size, from } = await target.run(checkpoint, VKEYS);
      assert.equal(size - from, events);
      await beside.run(checkpoint, VKEYS);
      assert.deepEqual(filesIn("threaded"), filesIn("here"));
    }
    assert.deepEqual((await target.head())?.size, 2 * MANY + 315);
  });

  it("refuses what is not of this ledger, and works afterwards", async () => {
    const { ledger, append, threaded } = opened();
    const target = threaded("export");
    await append(5);
    await target.run(await ledger.checkpoint(), VKEYS);
    const place = join(directory.file("export"), "tile/entries/000.p");
    await append(MANY);
    // Where the bundle of the first 256 entries must go.
    const full = join(directory.file("export"), "tile/entries/000");
    writeFileSync(full, "something else");
    const { files } = await target.run(await ledger.checkpoint(), VKEYS);
    assert.ok(files > 30);
    assert.notEqual(readFileSync(full, "utf8"), "something else");
    assert.throws(() => readdirSync(place), { code: "ENOENT" });
    const checkpoint = join(directory.file("export"), "checkpoint");
    const note = readFileSync(checkpoint, "utf8");
    writeFileSync(checkpoint, note.replace(/\n\d+\n/, "\n6\n"));
    await append(MANY);
    await assert.rejects(target.run(await ledger.checkpoint(), VKEYS), { code: "export-foreign" });
    writeFileSync(checkpoint, note);
    assert.equal((await target.run(await ledger.checkpoint(), VKEYS)).size, 2 * MANY + 5);
  });

  it("tells what went wrong in the thread, and goes on with another", async () => {
    const { ledger, append, threaded } = opened();
    const target = threaded("export");
    await append(MANY);
    writeFileSync(directory.file("export"), "not a directory");
    await assert.rejects(target.run(await ledger.checkpoint(), VKEYS));
    const other = threaded("other");
    const running = other.run(await ledger.checkpoint(), VKEYS);
    await new Promise((resolve) => setImmediate(resolve));
    await other.close();
    await assert.rejects(running, { code: "io-error" });
    assert.equal((await other.run(await ledger.checkpoint(), VKEYS)).size, MANY);
  });
});
