import { deepEqual, equal, match } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { inProcess } from "../support/in-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

describe("schemaledger schedules", function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();

  const say = (...args: readonly string[]) =>
    inProcess([...args, "--data", directory.file("data")], { cwd: directory.path });

  it("creates, shows, changes, rests and deletes them", async () => {
    mkdirSync(directory.file("m"));
    writeFileSync(directory.file("m/1_one.sql"), "CREATE TABLE one (x)");
    const begun = await say("migrate", directory.file("shop.db"), directory.file("m"));
    equal(begun.code, 0, begun.stderr);
    writeFileSync(directory.file("m/2_two.sql"), "CREATE TABLE two (x)");
    const again = ["migrate", directory.file("shop.db"), directory.file("m"), "--not-before"];
    equal((await say(...again, "soon")).code, 2);
    const later = await say(...again, "2999-01-01T00:00Z");
    equal(later.code, 3, later.stderr);
    match(later.stdout, /^Waiting: run \S+ of shop is scheduled/);
    const empty = await say("schedules", "list");
    match(empty.stdout, /Nothing is scheduled/);
    const create = ["schedules", "create", "shop", "backup", "0 3 * * *"];
    const created = await say(...create, "--time-zone", "Europe/Vienna", "--jitter", "60");
    equal(created.code, 0, created.stderr);
    match(created.stdout, /^Schedule backup of shop: next 20\d\d-\d\d-\d\dT0[12]:0\d:/);
    equal((await say(...create)).code, 4);
    equal((await say(...create, "--name", "x", "--jitter", "soon")).code, 2);
    equal((await say("schedules", "create", "shop", "backup", "never")).code, 2);
    const shown = await say("schedules", "show", "shop", "backup");
    match(shown.stdout, /0 3 \* \* \*, Europe\/Vienna/);
    equal((await say("schedules", "change", "shop", "backup")).code, 2);
    const changed = await say("schedules", "change", "shop", "backup", "--cron", "30 4 * * *");
    equal(changed.code, 0, changed.stderr);
    equal((await say("schedules", "pause", "shop", "backup", "--reason", "Disk")).code, 0);
    const { items } = JSON.parse((await say("schedules", "list", "shop", "--json")).stdout);
    deepEqual([items[0].cron, items[0].status], ["30 4 * * *", "paused"]);
    equal((await say("schedules", "resume", "shop", "backup")).code, 0);
    equal((await say("schedules", "delete", "shop", "other", "--yes")).code, 2);
    equal((await say("schedules", "delete", "shop", "backup", "--yes")).code, 0);
    match((await say("schedules", "list", "shop")).stdout, /Nothing is scheduled/);
  });
});
