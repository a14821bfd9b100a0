import { equal, match, ok } from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { LONG } from "../support/chaos/extent.ts";
import { endProcessesAfterEach, startService } from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** `SCHEMALEDGER_LOAD_SECONDS`: the long form for another time than ten minutes. */
const SECONDS = Number(process.env["SCHEMALEDGER_LOAD_SECONDS"] ?? 600);
const DATABASES = LONG ? 50 : 4;
const DURATION_MS = LONG ? SECONDS * 1000 : 4_000;
const READERS = LONG ? 8 : 2;
/** Statuses that mean: not now. */
const BACK_PRESSURE = new Set([429, 503]);
/** How much more memory the service may hold at the end than when it was warm, and beside it, KiB. */
const GROWTH = 1.5;
const SLACK_KIB = 100_000;

/** Members that the test reads of what the service answers. */
interface Body {
  readonly id: string;
  readonly status: string;
  readonly ok: boolean;
  readonly code: string;
  readonly next: string | null;
  readonly items: readonly { readonly index: number; readonly data: { readonly runId: string } }[];
}

describe("A service under load", function () {
  this.timeout(DURATION_MS + 240_000);
  const directory = temporaryDirectory();
  endProcessesAfterEach();

  it("answers everything or says not now, keeps its memory, and has every run in the ledger", async () => {
    const root = directory.file("root");
    mkdirSync(root);
    const service = await startService(directory.file("data"), root);
    const names = Array.from({ length: DATABASES }, (_, n) => `shop-${n}`);
    const counted = { answers: 0, pressed: 0, refused: 0 };
    const runs = new Set<string>();
    const until = Date.now() + DURATION_MS;
    const warmAt = Date.now() + DURATION_MS / 3;

    /** The answer; asked again as long as the service says not now. Anything else that is wrong fails. */
    async function ask(method: string, path: string, body?: object): Promise<Body> {
      for (;;) {
        const response = await fetch(service.url + path, {
          method,
          headers: {
            authorization: `Bearer ${service.token}`,
            ...(body === undefined ? {} : { "content-type": "application/json" }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        counted.answers += 1;
        if (response.ok)
          return (
            /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : {}
          ) as Body;
        ok(BACK_PRESSURE.has(response.status), `${method} ${path}: ${response.status} ${text}`);
        const seconds = Number(response.headers.get("retry-after"));
        ok(seconds > 0, `${path} says not when to come again`);
        counted.pressed += 1;
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      }
    }

    /** One database: version after version, each by a run. */
    async function migrate(name: string): Promise<void> {
      const url = join(root, `${name}.db`);
      await ask("POST", "/v1/databases", { name, engine: "sqlite", url, create: true });
      for (let version = 1; version === 1 || Date.now() < until; version++) {
        const up = `CREATE TABLE t${version} (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO t${version} (text) VALUES ('x')`;
        const migrations = [{ version: `${version}`, name: `table ${version}`, up }];
        await ask("POST", `/v1/databases/${name}/migrations`, { migrations });
        const { id } = await ask("POST", `/v1/databases/${name}/runs`, {});
        runs.add(id);
        let run = await ask("GET", `/v1/runs/${id}?wait=30`);
        while (run.status === "queued" || run.status === "running")
          run = await ask("GET", `/v1/runs/${id}?wait=30`);
        equal(run.status, "succeeded");
      }
    }

    async function read(seed: number): Promise<void> {
      const paths = [
        "/v1/databases",
        `/v1/databases/${names[seed % DATABASES]}`,
        "/v1/runs?limit=20",
        "/v1/audit/events?order=desc&limit=200",
        "/v1/ledger/checkpoint",
        "/v1/audit/metrics",
        "/metrics",
        "/readyz",
        "/openapi.json",
      ];
      await ask("GET", "/v1/databases");
      for (let at = seed; Date.now() < until; at++) {
        const path = paths[at % paths.length]!;
        if (path.startsWith("/v1/databases/") && !(await isThere(path))) continue;
        await ask("GET", path);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    const isThere = async (path: string): Promise<boolean> =>
      (await ask("GET", "/v1/databases")).items.some((one) =>
        path.endsWith((one as unknown as { name: string }).name),
      );

    /** What the service answers to bytes that no client would send. */
    const raw = (text: string, hold = false): Promise<string> =>
      new Promise((resolve) => {
        const { hostname, port } = new URL(service.url);
        let answer = "";
        const socket = connect(Number(port), hostname, () => socket.write(text));
        // Held open until the load is over; who is slow is told so, or cut off, in its own time.
        if (hold) setTimeout(() => socket.destroy(), Math.max(0, until - Date.now()));
        socket.on("data", (chunk) => {
          answer += chunk.toString("latin1");
          // The rest of what was announced is never sent.
          if (answer.includes("\r\n\r\n")) socket.end();
        });
        // Being cut off in the middle of sending is an answer, too.
        socket.on("error", () => {});
        socket.on("close", () => resolve(answer));
      });
    const post = (path: string, length: number, body: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.token}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${length}\r\n\r\n${body}`;

    async function attack(): Promise<void> {
      const bomb = `{"a":`.repeat(5000);
      while (Date.now() < until) {
        const slow = Array.from({ length: 10 }, () =>
          raw("GET /v1/runs HTTP/1.1\r\nHost: x\r\nX-A: ", true),
        );
        const headers = await raw(
          `GET /livez HTTP/1.1\r\nHost: x\r\n${"A: a\r\n".repeat(9000)}\r\n`,
        );
        match(headers, /^HTTP\/1\.1 431 |^$/);
        match(
          await raw(post("/v1/keys", bomb.length, `${bomb}\r\nConnection: close`)),
          /^HTTP\/1\.1 (400|429|503) /,
        );
        match(
          await raw(post("/v1/databases/shop-0/migrations", 1 << 30, "{")),
          /^HTTP\/1\.1 (413|429|503) /,
        );
        counted.refused += 3;
        void Promise.all(slow);
        await new Promise((resolve) => setTimeout(resolve, LONG ? 3000 : 300));
      }
    }

    const memory: number[] = [];
    const { pid } = service.running.child;
    const sample = setInterval(() => {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      if (Date.now() > warmAt) memory.push(Number(/VmRSS:\s+(\d+)/.exec(status)![1]));
    }, 1000);
    try {
      await Promise.all([
        ...names.map(migrate),
        ...Array.from({ length: READERS }, (_, seed) => read(seed)),
        attack(),
      ]);
    } finally {
      clearInterval(sample);
    }

    const requested = await everyRun("RunRequested");
    const completed = await everyRun("RunCompleted");
    equal([...runs].filter((id) => !requested.has(id)).length, 0);
    equal([...runs].filter((id) => !completed.has(id)).length, 0);
    equal(requested.size, runs.size);
    equal(completed.size, runs.size);
    equal((await ask("POST", "/v1/ledger/verifications")).ok, true);
    const first = median(memory.slice(0, 10));
    const last = median(memory.slice(-10));
    if (LONG) {
      console.log(
        `      ${runs.size} runs, ${counted.answers} answers, ${counted.pressed} times not now, ` +
          `${counted.refused} attacks refused, memory ${first >> 10} to ${last >> 10} MiB`,
      );
      ok(last < first * GROWTH + SLACK_KIB, `${first} to ${last} KiB`);
    }
    const ended = await service.stop();
    equal(ended.code, 0, ended.stderr);
    equal(/"level":"(error|fatal)"/.test(ended.stderr), false, ended.stderr.slice(-2000));

    async function everyRun(type: string): Promise<Set<string>> {
      const found = new Set<string>();
      for (let after = -1; ;) {
        const query = `type=${type}&limit=1000&order=asc${after < 0 ? "" : `&after=${after}`}`;
        const { items } = await ask("GET", `/v1/audit/events?${query}`);
        for (const { data } of items) found.add(data.runId);
        if (items.length < 1000) return found;
        after = items.at(-1)!.index;
      }
    }
  });
});

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
