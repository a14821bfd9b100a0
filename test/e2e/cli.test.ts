import { equal, match, ok } from "node:assert/strict";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { ROOT, textOf } from "../support/repository.ts";
import {
  endProcessesAfterEach,
  saying,
  schemaledger,
  start,
  startService,
} from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

describe("schemaledger", function () {
  this.timeout(20_000);
  const directory = temporaryDirectory();
  endProcessesAfterEach();
  const data = (): string => directory.file("data");
  const run = (...args: string[]) => schemaledger(args, { cwd: directory.path }).ended;
  const serve = (...args: string[]) => run("serve", "--data", data(), "--port", "0", ...args);

  it("explains itself with --help", async () => {
    const { code, stdout } = await run("--help");
    equal(code, 0);
    match(stdout, /Usage: schemaledger/);
    for (const command of ["serve", "demo", "completion"])
      match(stdout, new RegExp(`^  ${command}\\b`, "m"));
  });

  it("names every flag of serve with its environment variable", async () => {
    const { code, stdout } = await run("serve", "--help");
    equal(code, 0);
    const text = stdout.replaceAll(/\s+/g, " ");
    const config = textOf("docs/reference/config.md");
    for (const name of ["DATA", "HOST", "PORT", "ROOT"]) {
      const [flag, variable] = [`--${name.toLowerCase()}`, `SCHEMALEDGER_${name}`];
      ok(text.includes(`${flag} <`) && text.includes(`env: ${variable}`), `${flag} in --help`);
      ok(config.includes(`| \`${flag} <`) && config.includes(`\`${variable}\``), `${flag} in docs`);
    }
  });

  it("tells its version", async () => {
    const { code, stdout } = await run("--version");
    const { version } = JSON.parse(textOf("package.json")) as { version: string };
    equal(code, 0);
    equal(stdout, `${version}\n`);
  });

  it("answers wrong usage with exit code 2 and a word on it", async () => {
    const wrong: [args: string[], words: RegExp][] = [
      [["migrat"], /unknown command 'migrat'/],
      [["serve", "--dta", "x"], /unknown option '--dta'/],
      [["serve", "--port"], /argument missing/],
      [[], /Usage: schemaledger/],
    ];
    for (const [args, words] of wrong) {
      const { code, stderr } = await run(...args);
      equal(code, 2, args.join(" "));
      match(stderr, words);
    }
  });

  it("refuses settings that cannot be meant, before it makes anything", async () => {
    const wrong: [flag: string, value: string, words: RegExp][] = [
      ["--port", "99999", /--port: "99999" is not a number from 0 to 65535 \(config-invalid\)/],
      ["--host", "no host", /--host: "no host" is neither/],
      ["--data", "", /--data: the path is empty/],
    ];
    for (const [flag, value, words] of wrong) {
      const { code, stderr } = await serve(flag, value);
      equal(code, 2);
      match(stderr, words);
      equal(existsSync(data()), false);
    }
  });

  it("says what is wrong with a data directory that is a file", async () => {
    writeFileSync(directory.file("file"), "");
    const { code, stderr } = await serve("--data", directory.file("file"));
    equal(code, 1);
    match(stderr, /^schemaledger: .*file/);
  });

  it("says that a port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    try {
      const { port } = other.address() as AddressInfo;
      const { code, stderr } = await serve("--port", String(port));
      equal(code, 1);
      match(stderr, /Cannot listen on 127\.0\.0\.1:\d+.*\(cannot-listen\)\n  Choose another/);
    } finally {
      other.close();
    }
  });

  it("takes its settings from the environment, and a flag before it", async () => {
    const env = {
      SCHEMALEDGER_DATA: data(),
      SCHEMALEDGER_HOST: "127.0.0.1",
      SCHEMALEDGER_PORT: "99999",
      SCHEMALEDGER_ROOT: `${directory.file("a")}:${directory.path}`,
    };
    const running = schemaledger(["serve", "--port", "0"], { cwd: "/", env });
    const url = await saying(running, /^listening on (http:\/\/127\.0\.0\.1:\d+)$/);
    const token = await start("cat", [join(data(), "keys/admin.key")]).ended;
    const answer = await fetch(`${url}/v1/databases`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token.stdout.trim()}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({
        name: "shop",
        engine: "sqlite",
        url: directory.file("shop.db"),
        create: true,
      }),
    });
    equal(answer.status, 201);
    running.child.kill("SIGTERM");
    equal((await running.ended).code, 0);
  });

  it("keeps keys and data to itself, and exits 0 on SIGTERM and SIGINT", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const { running } = await startService(data(), directory.path);
      const modes = ["", "keys", "keys/admin.key", "keys/signing.pem", "ledger.db"].map(
        (path) => statSync(join(data(), path)).mode & 0o777,
      );
      equal(modes.map((mode) => mode.toString(8)).join(" "), "700 700 600 600 600");
      running.child.kill(signal);
      const { code, stdout, stderr } = await running.ended;
      equal(code, 0, stderr);
      match(stdout, /^listening on \S+\n$/);
    }
  });

  it("leaves a data directory alone that another service has", async () => {
    const first = await startService(data(), directory.path);
    try {
      const { code, stderr } = await serve();
      equal(code, 4);
      match(
        stderr,
        new RegExp(`in use by process ${first.running.child.pid} .*data-directory-in-use`),
      );
      equal((await fetch(`${first.url}/readyz`)).status, 200);
    } finally {
      equal((await first.stop()).code, 0);
    }
  });

  it("explains itself on a Node that is too old", async () => {
    const runtime = join(ROOT, "dist/src/cli/runtime.js");
    for (const [version, old] of [
      ["20.19.0", true],
      ["22.14.9", true],
      ["22.15.0", false],
      ["24.0.0", false],
    ] as const) {
      const script = `import { requireNode } from ${JSON.stringify(runtime)}; requireNode("${version}");`;
      const { code, stderr } = await start(process.execPath, ["--input-type=module", "-e", script])
        .ended;
      equal(code, old ? 1 : 0, version);
      equal(/needs Node 22\.15 or newer, this is .*npm start/.test(stderr), old, version);
    }
  });
});
