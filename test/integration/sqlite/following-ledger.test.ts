import assert from "node:assert/strict";
import { appendFileSync, readdirSync } from "node:fs";
import type { RecordedEvent } from "../../../src/domain/events.ts";
import { FollowingLedger } from "../../../src/infra/sqlite/following-ledger.ts";
import { ReadOnlyFiles } from "../../../src/infra/sqlite/read-only-file.ts";
import { digest } from "../../support/digest.ts";
import { appendTo, revoked } from "../../support/ledger-samples.ts";
import { openLedger } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

// No other connection may be open here: two libraries in one process would drop each other's locks.
describe("a ledger that is followed", () => {
  const directory = temporaryDirectory();
  const file = (): string => directory.file("ledger.db");

  async function written(): Promise<RecordedEvent[]> {
    const ledger = openLedger(file());
    for (let n = 0; n < 3; n++) await ledger.append(appendTo("a", "any", { events: revoked(2) }));
    const events: RecordedEvent[] = [];
    for await (const event of ledger.readAll(0)) events.push(event);
    await ledger.close();
    return events;
  }

  it("says what the writer's says, and makes no file", async () => {
    const events = await written();
    const files = readdirSync(directory.path);
    const ledger = new FollowingLedger(new ReadOnlyFiles().connect(file()), digest);
    const read: RecordedEvent[] = [];
    for await (const event of ledger.readAll(0)) read.push(event);
    const plain = (all: readonly RecordedEvent[]): unknown =>
      all.map((event) => ({ ...event, leafHash: Buffer.from(event.leafHash).toString("hex") }));
    assert.deepEqual(plain(read), plain(events));
    const { size, root } = await ledger.head();
    const checkpoint = await ledger.checkpoint();
    assert.deepEqual([size, checkpoint.size], [6, 6]);
    assert.deepEqual(Buffer.from(root), Buffer.from(checkpoint.root));
    assert.equal((await ledger.checkpointFrom(6)).note, checkpoint.note);
    await assert.rejects(ledger.checkpointFrom(7), { code: "checkpoint-missing" });
    await ledger.close();
    assert.deepEqual(readdirSync(directory.path), files);
  });

  it("refuses to append, to remember, and to be written by its connection", async () => {
    await written();
    const connection = new ReadOnlyFiles().connect(file());
    const ledger = new FollowingLedger(connection, digest);
    await assert.rejects(ledger.append(), { code: "ledger-read-only" });
    await assert.rejects(ledger.rememberAnswer(), { code: "ledger-read-only" });
    for (const sql of ["DELETE FROM event", "INSERT INTO content VALUES ('a', 'b')"])
      assert.throws(() => connection.prepare(sql).get(), { errcode: 8 });
    await ledger.close();
  });

  it("is outdated as soon as somebody writes where nobody did, or the file is another", async () => {
    await written();
    const files = new ReadOnlyFiles();
    files.connect(file()).close();
    assert.equal(files.isOutdated(file()), false);
    appendFileSync(`${file()}-wal`, "");
    assert.equal(files.isOutdated(file()), true);
  });
});
