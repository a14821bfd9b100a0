import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import Sqlite from "better-sqlite3";
import { describedCommands } from "../support/cli-page.ts";
import { inProcess } from "../support/in-process.ts";
import {
  endProcessesAfterEach,
  schemaledger,
  startService,
  type Ended,
} from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const ORDERS = "CREATE TABLE orders (total INTEGER); INSERT INTO orders VALUES (0)";

type Json = { readonly [member: string]: unknown };

describe("The commands", function () {
  this.timeout(120_000);
  const directory = temporaryDirectory();
  endProcessesAfterEach();
  const env: { [name: string]: string } = {};
  /** In this process, as most commands are: starting one takes longer than the command itself. */
  const run = (...args: string[]): Promise<Ended> => inProcess(args, { cwd: directory.path, env });

  beforeEach(() => {
    for (const name of Object.keys(env)) delete env[name];
    env["SCHEMALEDGER_ACTOR"] = "tester";
    mkdirSync(directory.file("m"));
    write("1_orders.up.sql", ORDERS);
    write("1_orders.down.sql", "DROP TABLE orders");
  });

  const write = (name: string, text: string): void =>
    writeFileSync(directory.file(`m/${name}`), text);

  /** The document of a command, which must have the declared format and members, and the exit code. */
  async function json(expected: number, ...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await run(...args, "--json");
    equal(code, expected, stderr + stdout);
    equal(stderr, "");
    const document = JSON.parse(stdout) as Json;
    equal(stdout.trim().split("\n").length, 1);
    if (document["format"] !== "error/1") await assertDeclared(args, document);
    return document;
  }

  async function assertDeclared(args: readonly string[], document: Json): Promise<void> {
    const described = await describedCommands();
    const words = args.filter((arg) => !arg.startsWith("-")).join(" ");
    const { command } = described.findLast(
      ({ name }) => words === name || words.startsWith(`${name} `),
    )!;
    equal(document["format"], command.format);
    const members = Object.keys(command.members ?? {});
    const given = Object.keys(document).filter(
      (member) => member !== "format" && member !== "dryRun",
    );
    if (!members.includes("…") && !args.includes("--dry-run"))
      deepEqual(
        given.filter((member) => !members.includes(member)),
        [],
        args.join(" "),
      );
    ok(given.length > 0);
  }

  const problem = (document: Json): Json => document["error"] as Json;

  it("carry a database through its life on a data directory, with the documented JSON", async () => {
    const made = await json(0, "init", "m");
    match(String(made["verifierKey"]), /^\S+\/schemaledger\/\S+$/);
    const read = await json(0, "detect", "m");
    deepEqual([read["grammar"], (read["migrations"] as Json[]).length], ["golang-migrate", 1]);
    const tested = await json(0, "test", "m", "--rows", "2");
    deepEqual([(tested["passes"] as Json[]).length, tested["failed"]], [2, 0]);
    await json(2, "test", "m", "--rows", "many");
    const dry = await json(0, "migrate", "shop.db", "m", "--dry-run");
    deepEqual((dry["steps"] as Json[])[0]!["version"], "1");
    equal((await json(0, "status"))["databases"] instanceof Array, true);
    const first = await json(0, "migrate", "shop.db", "m", "--reason", "Test", "--ticket", "T-1");
    deepEqual([first["outcome"], first["version"], first["database"]], ["applied", "1", "shop"]);
    equal((await json(0, "migrate", "shop", "m"))["outcome"], "nothing-to-do");
    write("1_orders.up.sql", `${ORDERS} -- why`);
    equal(problem(await json(4, "migrate", "shop", "m"))["code"], "migration-changed");
    const accept = ["accept", "shop", "m", "--reason", "A comment", "--yes"];
    const [edited] = (await json(0, ...accept))["accepted"] as Json[];
    deepEqual([edited!["version"], edited!["deviation"]], ["1", "edited"]);
    match(String(edited!["diff"]), /\+.*-- why/);
    deepEqual((await json(0, ...accept))["accepted"], []);
    equal((await json(0, "migrate", "shop", "m"))["outcome"], "nothing-to-do");
    const status = await json(0, "status", "shop.db");
    equal(((status["migrations"] as Json[])[0]!["appliedBy"] as Json)["name"], "tester");
    equal(((await json(0, "plan", "shop"))["steps"] as Json[]).length, 0);
    equal(((await json(0, "backup", "shop"))["backup"] as Json)["status"], "verified");
    equal(((await json(0, "check", "shop"))["check"] as Json)["status"], "passed");
    await json(0, "schema", "shop");
    await json(0, "diff", "shop");
    equal(((await json(0, "blame", "shop", "orders"))["items"] as Json[]).length > 1, true);
    await json(0, "rollback", "shop", "--to", "0", "--reason", "Test", "--yes");
    await json(0, "restore", "shop", "--reason", "Test", "--yes");
    const key = await json(0, "keys", "issue", "ci", "--role", "operator");
    match(String(key["token"]), /^sl_/);
    equal(((await json(0, "keys", "list"))["items"] as Json[]).length, 1);
    const limits = ["--database", "shop", "--owner", "ann", "--expires", "2999-01-01T00:00:00Z"];
    const ann = await json(0, "keys", "issue", "ann", "--role", "approver", ...limits);
    equal(ann["expiresAt"], "2999-01-01T00:00:00.000Z");
    equal((ann["databases"] as string[]).length, 1);
    equal((ann["actor"] as Json)["kind"], "user");
    match((await run("keys", "list")).stdout, /expires +last used[^]*2999-01-01T00:00:00\.000Z/);
    await json(2, "keys", "issue", "eve", "--role", "auditor", "--expires", "tomorrow");
    await json(0, "doctor");
    await json(0, "new", "m", "more orders", "--down");
    const log = await run("log", "shop", "--type", "RunRequested", "--json");
    deepEqual(
      log.stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as Json)["type"]),
      ["RunRequested", "RunRequested"],
    );
    const all = (await run("log", "--json")).stdout.trim().split("\n");
    const csv = (await run("log", "--csv")).stdout.trim().split("\r\n");
    equal(csv.length, all.length + 1);
    const newest = await run("log", "--json", "--limit", "2", "--reverse");
    deepEqual(newest.stdout.trim().split("\n"), all.slice(-2).toReversed());
  });

  it("say what failed, what is safe and what to do, with an exit code for each kind", async () => {
    await json(0, "migrate", "shop.db", "m");
    write("2_lossy.sql", "DELETE FROM orders");
    const failed = await run("migrate", "shop.db", "m");
    equal(failed.code, 1);
    match(
      failed.stderr,
      /rows-lost\)\n  The database was not touched\.\n  .*allow-row-loss TABLE; for .*\n$/,
    );
    ok(!failed.stderr.includes("\u001b"));
    const document = await json(1, "migrate", "shop.db", "m");
    equal((problem(document)["details"] as Json)["safe"], "The database was not touched.");
    write("2_lossy.sql", "-- schemaledger:allow-row-loss orders\nDELETE FROM orders");
    equal((await json(0, "migrate", "shop.db", "m"))["version"], "2");

    write("1_orders.up.sql", "CREATE TABLE orders (total TEXT)");
    const changed = await run("migrate", "shop.db", "m");
    equal(changed.code, 4);
    match(changed.stderr, /migration-changed\)\n[\s\S]*-CREATE TABLE orders \(total INTEGER\)/);
    equal(problem(await json(4, "migrate", "shop.db", "m"))["code"], "migration-changed");

    equal(problem(await json(2, "migrate", "shop.db", "nowhere"))["code"], "migrations-unreadable");
    equal(problem(await json(2, "status", "other.db"))["code"], "database-not-found");
    const asked = schemaledger(["rollback", "shop", "--to", "1", "--reason", "x"], {
      cwd: directory.path,
    });
    const { code, stderr } = await asked.ended;
    equal(code, 2);
    match(stderr, /confirmation-needed\)[\s\S]*--yes/);
    equal(problem(await json(2, "rollback", "shop", "--to", "1"))["code"], "usage");
    equal(problem(await json(2, "status", "--data", "none"))["code"], "data-directory-missing");
    equal(problem(await json(2, "log", "--limit", "x"))["code"], "config-invalid");

    const db = new Sqlite(directory.file("shop.db"));
    db.exec("CREATE TABLE strange (x)");
    db.close();
    const diff = await run("diff", "shop");
    equal(diff.code, 5);
    match(diff.stdout, /^\+.*strange/m);
    write("1_orders.up.sql", ORDERS);
    write("3_more.sql", "CREATE TABLE more (x)");
    equal(problem(await json(5, "migrate", "shop.db", "m"))["code"], "drift");
  });

  it("work on a service, and find the one that has the data directory", async () => {
    const service = await startService(directory.file("data"), directory.path);
    try {
      env["SCHEMALEDGER_TOKEN"] = service.token;
      const server = ["--server", service.url];
      const first = await json(0, "migrate", "shop.db", "m", ...server);
      deepEqual([first["outcome"], first["version"]], ["applied", "1"]);
      const text = await run("migrate", "shop.db", "m", ...server);
      match(text.stdout, /^Nothing to do: shop is at version 1$/m);
      await json(0, "backup", "shop", ...server);
      const auditor = await json(0, "keys", "issue", "eye", "--role", "auditor", ...server);

      delete env["SCHEMALEDGER_TOKEN"];
      equal(problem(await json(3, "status", ...server))["code"], "token-missing");
      await json(0, "check", "shop", "--data", "data");
      await json(0, "status", "shop", "--data", "data");
      write("2_more.sql", "CREATE TABLE more (x)");
      equal((await json(0, "migrate", "shop.db", "m", "--data", "data"))["version"], "2");

      write("3_urgent.sql", "CREATE TABLE urgent (x)");
      const set = ["policy", "set", "shop", "--data", "data", "--yes"];
      const demanding = await json(0, ...set, "approvals=1");
      deepEqual(
        [demanding["policy"], demanding["policyChange"]],
        [{ approvals: 1, rehearse: true }, null],
      );
      const said = await run(...set, "approvals=1");
      match(said.stdout, /^Nothing to do: the policy of shop says so already$/m);
      deepEqual((await json(0, "policy", "show", "shop", "--data", "data"))["policy"], {
        approvals: 1,
        rehearse: true,
      });
      equal(problem(await json(2, ...set))["code"], "policy-unchanged");
      equal(problem(await json(2, ...set, "approvals"))["code"], "policy-not-json");
      equal(problem(await json(2, ...set, "approvals=many"))["code"], "invalid-request");
      const weaker = await run(...set, "approvals=0", "rehearse=false");
      equal(weaker.code, 3);
      match(
        weaker.stderr,
        /^- approvals: 1\n\+ approvals: 0\n- rehearse: true\n\+ rehearse: false$/m,
      );
      match(
        weaker.stdout,
        /^Waiting: it would demand less \(approvals, rehearse\): change \S+ needs 1 approval$/m,
      );
      const change = String(/change (\S+) needs/.exec(weaker.stdout)![1]);
      const own = ["approve", change, "--data", "data", "--yes"];
      equal(problem(await json(3, ...own))["code"], "self-approval");
      const gone = await json(0, "cancel", change, "--reason", "Test", "--data", "data");
      deepEqual([gone["run"], (gone["policyChange"] as Json)["status"]], [null, "cancelled"]);
      for (const [command, ...more] of [
        ["rollback", "--to", "0"],
        ["restore", "--exception"],
        ["restore", "--not-before", "2999-01-01T00:00:00Z"],
      ] as const) {
        const why = ["--reason", "Test", "--data", "data"];
        const held = await json(3, command, "shop", ...more, ...why, "--yes");
        const one = (held["run"] ?? held["restore"]) as Json;
        equal(one["status"], "awaiting-approval");
        await json(0, "cancel", String(one["id"]), ...why);
      }
      const nothing = ["withdraw", "01a2", "--data", "data", "--yes"];
      equal(problem(await json(2, ...nothing))["code"], "undertaking-not-found");
      const urgent = ["migrate", "shop.db", "m", "--data", "data", "--emergency"];
      equal(problem(await json(2, ...urgent))["code"], "reason-missing");
      const exception = ["--exception", "--reason", "Test"];
      const cancelled = ["--reason", "Test", "--data", "data"];
      const waits = await json(3, "migrate", "shop.db", "m", "--data", "data", ...exception);
      deepEqual([waits["outcome"], (waits["run"] as Json)["approvalsNeeded"]], ["waiting", 2]);
      await json(0, "cancel", String((waits["run"] as Json)["id"]), ...cancelled);
      const ran = await json(0, ...urgent, "--reason", "The shop is down");
      deepEqual([ran["version"], (ran["run"] as Json)["emergency"]], ["3", true]);

      env["SCHEMALEDGER_TOKEN"] = String(auditor["token"]);
      equal(problem(await json(3, "backup", "shop", ...server))["code"], "forbidden");
      equal(
        problem(await json(1, "status", "--server", "http://127.0.0.1:1"))["code"],
        "server-unreachable",
      );
    } finally {
      await service.stop();
    }
  });

  it("wait for each other on a directory, and read beside each other", async () => {
    write(
      "2_slow.sql",
      "CREATE TABLE slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i FROM n",
    );
    const slow = schemaledger(["migrate", "shop.db", "m"], { cwd: directory.path, env });
    await appears(slow.child.stderr!, /Backed up/);
    equal(((await json(0, "status"))["databases"] as Json[]).length, 1);
    const impatient = await json(4, "backup", "shop", "--wait", "0");
    equal(problem(impatient)["code"], "data-directory-in-use");
    const patient = await run("backup", "shop");
    equal(patient.code, 0, patient.stderr);
    match(patient.stderr, /^Waiting: .*in use by process/m);
    equal((await slow.ended).code, 0);
  });

  it("cancel at Ctrl-C: the step is rolled back, the outcome recorded", async () => {
    write(
      "2_endless.sql",
      "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
    );
    const endless = schemaledger(["migrate", "shop.db", "m"], { cwd: directory.path, env });
    await appears(endless.child.stderr!, /Backed up/);
    endless.child.kill("SIGINT");
    const { code, stderr } = await endless.ended;
    equal(code, 1, stderr);
    match(stderr, /run-cancelled/);
    equal((await json(0, "status", "shop"))["format"], "status/1");
    const db = readFileSync(directory.file("shop.db"), "latin1");
    ok(!db.includes("CREATE TABLE big"));
  });

  it("make completion scripts that a shell takes", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, stdout } = await run("completion", shell);
      equal(code, 0);
      for (const word of ["migrate", "rollback", "--reason", "issue"])
        ok(stdout.includes(word.replace(/^--/, "")), word);
    }
  });
});

/** Resolves when the stream has said it. */
function appears(stream: NodeJS.ReadableStream, words: RegExp): Promise<void> {
  let said = "";
  return new Promise((resolve) => {
    stream.on("data", (text: string) => {
      said += text;
      if (words.test(said)) resolve();
    });
  });
}
