import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describedCommands } from "../support/cli-page.ts";
import { inProcess } from "../support/in-process.ts";
import { TestService } from "../support/service.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

type Json = { readonly [member: string]: unknown };

describe("schemaledger runs, backups, holds, scrub and drill", function () {
  this.timeout(120_000);
  const directory = temporaryDirectory();

  const say = (...args: readonly string[]) =>
    inProcess([...args, "--data", directory.file("data")], { cwd: directory.path });

  /** The document, which must have the declared format and members. */
  async function json(code: number, ...args: readonly string[]): Promise<Json> {
    const ended = await say(...args, "--json");
    equal(ended.code, code, ended.stderr + ended.stdout);
    const document = JSON.parse(ended.stdout) as Json;
    if (document["format"] === "error/1") return document["error"] as Json;
    const { command } = (await describedCommands()).findLast(({ name }) =>
      args.join(" ").startsWith(name),
    )!;
    equal(document["format"], command.format);
    const members = Object.keys(command.members ?? {});
    if (!members.includes("…"))
      deepEqual(Object.keys(document).toSorted(), ["format", ...members].toSorted());
    return document;
  }

  const items = (page: Json): Json[] => page["items"] as Json[];

  beforeEach(async () => {
    mkdirSync(directory.file("m"));
    writeFileSync(
      directory.file("m/1_one.sql"),
      "CREATE TABLE one (x); INSERT INTO one VALUES (1)",
    );
    const migrated = await say("migrate", directory.file("shop.db"), directory.file("m"));
    equal(migrated.code, 0, migrated.stderr);
    equal((await say("backup", "shop")).code, 0);
  });

  it("list and show what there is, page by page", async () => {
    const all = await json(0, "backups", "list", "shop");
    deepEqual(
      items(all).map(({ purpose, status }) => [purpose, status]),
      [
        ["manual", "verified"],
        ["run", "verified"],
      ],
    );
    equal(all["next"], null);
    const first = await json(0, "backups", "list", "shop", "-n", "1");
    const second = await json(0, "backups", "list", "shop", "--after", String(first["next"]));
    deepEqual([...items(first), ...items(second)], items(all));
    match((await say("backups", "list", "shop", "-n", "1")).stderr, /There are more: --after \S+/);
    deepEqual(items(await json(0, "backups", "list", "shop", "--status", "damaged")), []);
    deepEqual(items(await json(0, "backups", "list", "shop", "--to", "2020-01-01")), []);
    const id = String(items(all)[0]!["id"]);
    const { code, stdout } = await say("backups", "show", id);
    deepEqual([code, /^one +1$/m.test(stdout)], [0, true], stdout);
    equal((await json(0, "backups", "show", id))["status"], "verified");

    const runs = await json(0, "runs", "list", "shop");
    deepEqual(
      items(runs).map(({ kind, status }) => [kind, status]),
      [["migrate", "succeeded"]],
    );
    deepEqual(items(await json(0, "runs", "list", "--status", "failed")), []);
    const run = String(items(runs)[0]!["id"]);
    match((await say("runs", "show", run)).stdout, /^1 +one +applied +\d+ ms/m);
    equal((await json(0, "runs", "show", run))["id"], run);
  });

  it("refuse what cannot be listed or is not there", async () => {
    for (const limit of ["0", "1001", "-1", "x", "1.5"])
      equal(
        (await json(2, "backups", "list", "shop", `--limit=${limit}`))["code"],
        "limit-invalid",
      );
    equal((await json(2, "backups", "list", "shop", "--from", "then"))["code"], "time-unreadable");
    equal((await json(2, "runs", "list", "shop", "--after", "!"))["code"], "malformed-cursor");
    equal((await json(2, "runs", "list", "other"))["code"], "database-not-found");
    for (const id of ["nope", "../keys", "%2e%2e%2fkeys", ""]) {
      const [run, backup] = [await say("runs", "show", id), await say("backups", "show", id)];
      deepEqual([run.code, backup.code], [2, 2], id);
    }
    const unknown = await say("backups", "verify", "01a2191e-377e-71a7-8543-2c2e0995b6fb");
    equal(unknown.code, 2);
    match(unknown.stderr, /backup-not-found\)\n[\s\S]*schemaledger backups list/);
    equal(
      (await json(2, "holds", "release", "x", "--reason", "y", "--yes"))["code"],
      "hold-not-found",
    );
    equal((await json(2, "holds", "place", "shop"))["code"], "usage");
  });

  it("verify, hold and try backups, and say so when one is damaged", async () => {
    const [newest] = items(await json(0, "backups", "list", "shop"));
    const id = String(newest!["id"]);
    const verified = await json(0, "backups", "verify", id);
    equal((verified["verification"] as Json)["status"], "passed");
    ok(String(verified["verifiedAt"]) > String(newest!["verifiedAt"]));

    const hold = await json(0, "holds", "place", "shop", "--backup", id, "--reason", "Case 1");
    equal(items(await json(0, "holds", "list", "shop"))[0]!["id"], hold["id"]);
    match((await say("holds", "list", "shop")).stdout, /Case 1/);
    const release = ["holds", "release", String(hold["id"]), "--reason", "Closed"];
    equal((await json(2, ...release))["code"], "confirmation-needed");
    equal((await json(0, ...release, "--yes"))["id"], hold["id"]);
    match((await say("holds", "list", "shop")).stdout, /Nothing of shop is held/);

    equal(((await json(0, "drill", "shop"))["drill"] as Json)["status"], "passed");
    equal(((await json(0, "scrub", "shop"))["scrub"] as Json)["status"], "passed");

    damagePacks();
    equal((await json(5, "backups", "verify", id))["code"], "backup-damaged");
    const said = await say("backups", "show", id);
    match(said.stdout, /^status +damaged$/m);
    match(said.stdout, /^verification +failed \d{4}-/m);
    equal(((await json(5, "scrub", "shop"))["scrub"] as Json)["status"], "failed");
  });

  it("say that a backup could not be looked at, which says nothing of it", async () => {
    const service = await TestService.start();
    try {
      await service.register("shop");
      const at = (...args: readonly string[]) =>
        inProcess([...args, "--server", service.url], {
          cwd: directory.path,
          env: { SCHEMALEDGER_TOKEN: service.token },
        });
      const taken = JSON.parse((await at("backup", "shop", "--json")).stdout) as Json;
      const id = String((taken["backup"] as Json)["id"]);
      // No place for a restored copy.
      const scratch = join(service.data, "backups/scratch");
      rmSync(scratch, { recursive: true });
      writeFileSync(scratch, "in the way");
      const aborted = /The verification of \S+ aborted: [^]*The database was not touched\.\n {2}\S/;
      const verified = await at("backups", "verify", id);
      equal(verified.code, 1, verified.stderr);
      match(verified.stderr, aborted);
      const another = await at("backup", "shop");
      equal(another.code, 1, another.stderr);
      match(another.stderr, /backup-store-failed\)\n {2}The database was only read\.\n {2}\S/);
      match((await at("backups", "list", "shop", "--status", "failed")).stdout, /manual +failed/);
      const { stdout } = await at("backups", "show", id);
      match(stdout, /^status +verified$/m);
      match(stdout, /^verification +aborted \d{4}-/m);
      rmSync(scratch);
      equal((await at("backups", "verify", id)).code, 0);
    } finally {
      await service.stop();
    }
  });

  function damagePacks(): void {
    const packs = directory.file("data/backups/packs");
    const files = readdirSync(packs, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      const path = `${file.parentPath}/${file.name}`;
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(path, bytes);
    }
  }
});
