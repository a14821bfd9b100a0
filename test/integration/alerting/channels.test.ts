import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { AlertMessage, TargetAddress } from "../../../src/domain/alerting/notifier.ts";
import type { AlertTargetState } from "../../../src/domain/alerting/target-state.ts";
import { TargetNotifier } from "../../../src/infra/alerting/target-notifier.ts";
import { AlertReceiver, answers } from "../../support/alert-receiver.ts";
import { ROOT, textOf } from "../../support/repository.ts";

const MESSAGE: AlertMessage = {
  id: "0198f3c2-7d3e-7c4b-9a55-0c5b8a1d2e3f",
  time: new Date().toISOString(),
  index: 42,
  origin: "test.example/ledger",
  database: "shop",
  alert: {
    alertId: "run:r",
    code: "run-failed",
    severity: "critical",
    message: "A run on shop failed: <b> & others",
    hint: "Look at it",
    about: { kind: "run", id: "r" },
  },
};

const failure = (work: Promise<void>): Promise<unknown> =>
  work.then(
    () => assert.fail("It was taken"),
    (error: unknown) => error,
  );

/** Sends to an address of this machine. */
function send(
  address: TargetAddress,
  mayBePrivate = true,
  timeoutMs?: number,
  message = MESSAGE,
): Promise<void> {
  const secrets = { find: () => Promise.resolve(address) };
  const settings = { kind: address.kind, ...(mayBePrivate ? { privateAddresses: true } : {}) };
  const target = { settings } as unknown as AlertTargetState;
  return new TargetNotifier(secrets, timeoutMs).send(target, message);
}

describe("web receivers", () => {
  let receiver: AlertReceiver;
  before(async () => {
    receiver = await AlertReceiver.start();
  });
  after(() => receiver.down());

  const slack = (): TargetAddress => ({ kind: "slack", url: receiver.url });

  it("get Slack's form, with its markup escaped", async () => {
    await send(slack());
    const { body, headers } = receiver.received.at(-1)!;
    assert.equal(headers["content-type"], "application/json");
    const { text, blocks } = JSON.parse(body) as { text: string; blocks: { type: string }[] };
    assert.equal(text, "critical: A run on shop failed: &lt;b&gt; &amp; others");
    assert.deepEqual(
      blocks.map(({ type }) => type),
      ["section", "section", "context"],
    );
  });

  it("are given up for now when they are slow, with their answers unread", async () => {
    receiver.behaviour = () => undefined;
    await assert.rejects(send(slack(), true, 100), {
      code: "alert-target-unreachable",
      message: /no answer within 0.1 s$/,
    });
  });

  it("cannot keep a sender by an answer without end", async () => {
    receiver.behaviour = (response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write("x".repeat(1 << 16)), 1);
      response.on("close", () => clearInterval(more));
    };
    await send(slack());
    await receiver.down();
    await receiver.up();
  });

  it("say by their status whether the message, or the moment, is wrong", async () => {
    const failing = async (status: number, headers = {}): Promise<unknown[]> => {
      receiver.behaviour = answers(status, headers);
      const error = await failure(send(slack()));
      const { code, details } = error as { code: string; details: Record<string, unknown> };
      return [code, details["final"] ?? false, details["retryAfterMs"]];
    };
    assert.deepEqual(await failing(400), ["alert-target-refuses", true, undefined]);
    assert.deepEqual(await failing(410), ["alert-target-refuses", true, undefined]);
    assert.deepEqual(await failing(404), ["alert-target-refuses", false, undefined]);
    assert.deepEqual(await failing(500), ["alert-target-failed", false, undefined]);
    const later = await failing(429, { "Retry-After": "7" });
    assert.deepEqual(later, ["alert-target-failed", false, 7000]);
    assert.deepEqual(await failing(308, { Location: "/" }), [
      "alert-target-redirects",
      false,
      undefined,
    ]);
  });

  it("are not reached at a private address that was not allowed", async () => {
    const before = receiver.received.length;
    for (const host of ["127.0.0.1", "localhost"]) {
      const url = receiver.url.replace("127.0.0.1", host);
      await assert.rejects(send({ kind: "slack", url }, false), { code: "alert-address-refused" });
    }
    assert.equal(receiver.received.length, before);
  });

  it("that are not there are unreachable, and nothing of their address is told but the host", async () => {
    await receiver.down();
    const error = await failure(send(slack()));
    const { code, message } = error as { code: string; message: string };
    assert.equal(code, "alert-target-unreachable");
    assert.match(message, /^127\.0\.0\.1:\d+ cannot be reached: ECONNREFUSED$/);
    await receiver.up();
  });
});

describe("mail", () => {
  let server: SMTPServer;
  const mails: { readonly from: string; readonly to: string[]; readonly text: string }[] = [];
  let refused: string | undefined;

  async function serve(options: SMTPServerOptions): Promise<number> {
    server = new SMTPServer({
      logger: false,
      ...options,
      onRcptTo: ({ address }, _session, done) =>
        done(
          address === refused ? Object.assign(new Error("unknown"), { responseCode: 550 }) : null,
        ),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const { mailFrom, rcptTo } = session.envelope;
          mails.push({
            from: mailFrom === false ? "" : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            text: Buffer.concat(chunks).toString("utf8"),
          });
          done(null, "taken");
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.server.address() as AddressInfo).port;
  }

  afterEach(() => {
    refused = undefined;
    mails.length = 0;
    return new Promise<void>((resolve) => server.close(resolve));
  });

  const address = (port: number, more: object = {}): TargetAddress => ({
    kind: "mail",
    url: `smtp://127.0.0.1:${port}`,
    from: "Schemaledger <s@example.org>",
    to: ["a@example.org", "b@example.org"],
    ...more,
  });

  it("arrives, under one id at each attempt", async () => {
    const port = await serve({ authOptional: true });
    await send(address(port));
    await send(address(port));
    assert.deepEqual([mails.length, mails[0]!.from], [2, "s@example.org"]);
    assert.deepEqual(mails[0]!.to, ["a@example.org", "b@example.org"]);
    const { text } = mails[0]!;
    assert.match(text, /^Subject: \[schemaledger\] critical: shop: run-failed\r$/m);
    assert.match(text, /A run on shop failed: <b> & others/);
    const ids = mails.map((mail) => /^Message-ID: (.*)\r$/m.exec(mail.text)![1]);
    assert.deepEqual(ids, Array(2).fill(`<${MESSAGE.id}@schemaledger>`));
  });

  it("is a dead letter when a recipient is refused", async () => {
    const port = await serve({ authOptional: true });
    refused = "b@example.org";
    await assert.rejects(send(address(port)), {
      code: "alert-target-refuses",
      details: { final: true },
      message: /1 of 2 recipients/,
    });
  });

  it("never has its password sent without TLS that can be trusted", async () => {
    let asked = 0;
    const port = await serve({
      onAuth: (_auth, _session, done) => {
        asked += 1;
        done(null, { user: "me" });
      },
    });
    const login = { username: "me", password: "secret" };
    const error = await failure(send(address(port, login)));
    assert.equal((error as { code: string }).code, "alert-target-unreachable");
    assert.ok(!JSON.stringify(error).includes("secret"));
    assert.deepEqual([asked, mails.length], [0, 0]);
  });

  it("waits for a server that is there and says nothing no longer than for any other", async () => {
    await serve({});
    const silent: Server = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    await assert.rejects(send(address(port), true, 100), { code: "alert-target-unreachable" });
    await new Promise((resolve) => silent.close(resolve));
  });
});

const ALERTMANAGER = "prometheus-alertmanager";
const CONFIG = "ops/alertmanager/alertmanager.yml";
const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;

describe("Alertmanager", () => {
  let process: ChildProcess | undefined;
  let directory: string | undefined;

  const runs = (): boolean => process?.exitCode === null && process.signalCode === null;

  /** Starts it at a free port, and at another one when somebody was faster to take that; gives its address. */
  async function started(storage: string): Promise<string> {
    let said = "";
    for (let attempt = 0; attempt < 5; attempt++) {
      const port = await freePort();
      process = spawn(
        ALERTMANAGER,
        [
          `--config.file=${join(ROOT, CONFIG)}`,
          `--storage.path=${storage}`,
          `--web.listen-address=127.0.0.1:${port}`,
          "--cluster.listen-address=",
        ],
        { stdio: ["ignore", "ignore", "pipe"] },
      );
      process.stderr!.setEncoding("utf8").on("data", (text: string) => (said = text));
      const url = `http://127.0.0.1:${port}`;
      while (runs()) {
        const answer = fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(2000) });
        if (
          await answer.then(
            ({ ok }) => ok,
            () => false,
          )
        )
          return url;
        await delay(20);
      }
    }
    return assert.fail(`It ended each time it was started: ${said}`);
  }

  after(async () => {
    if (process !== undefined && runs()) {
      const ended = new Promise((resolve) => process!.once("exit", resolve));
      process.kill("SIGKILL");
      await ended;
    }
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  it("is configured by what is shipped, as amtool reads it", function () {
    if (!has("amtool")) return this.skip();
    const checked = spawnSync("amtool", ["check-config", join(ROOT, CONFIG)], { encoding: "utf8" });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    assert.match(textOf(CONFIG), /SchemaledgerRunFailed/);
  });

  it("takes an alert once, however often it is sent", async function () {
    if (!has(ALERTMANAGER) || !has("amtool")) return this.skip();
    this.timeout(120_000);
    directory = mkdtempSync(join(tmpdir(), "schemaledger-alertmanager-"));
    const url = await started(directory);
    await send({ kind: "alertmanager", url });
    await send({ kind: "alertmanager", url: `${url}/` });
    const query = ["alert", "query", "-o", "json", `--alertmanager.url=${url}`];
    const { stdout } = spawnSync("amtool", query, { encoding: "utf8" });
    const found = JSON.parse(stdout) as {
      readonly labels: object;
      readonly annotations: object;
    }[];
    assert.deepEqual(
      found.map(({ labels }) => labels),
      [
        {
          alertname: "SchemaledgerRunFailed",
          severity: "critical",
          code: "run-failed",
          alert_id: "run:r",
          ledger: "test.example/ledger",
          database: "shop",
        },
      ],
    );
    assert.deepEqual(found[0]!.annotations, {
      summary: "A run on shop failed: <b> & others",
      action: "Look at it",
      message_id: MESSAGE.id,
      event_index: "42",
    });
    const active = (): unknown[] =>
      JSON.parse(spawnSync("amtool", query, { encoding: "utf8" }).stdout) as unknown[];
    assert.equal(active().length, 1);
    const since = MESSAGE.time;
    const time = new Date().toISOString();
    await send({ kind: "alertmanager", url }, true, undefined, {
      ...MESSAGE,
      time,
      over: { since },
    });
    assert.deepEqual(active(), []);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
