import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { TestService } from "../support/service.ts";

const ORIGIN = "https://console.example";
const PATIENCE = { headersMs: 300, requestMs: 700, lookMs: 50, closeMs: 500 };
const UP = "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)";

describe("manners under load and attack", () => {
  let service: TestService;
  const sockets: Socket[] = [];

  before(async () => {
    const settings = { rateLimit: 5, corsOrigins: [ORIGIN] };
    service = await TestService.start(settings, undefined, { patience: PATIENCE });
  });
  after(() => service.stop());
  afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));

  /** What the server answers to `text`, and when it ends the connection. */
  function raw(text: string, more?: (socket: Socket) => void): Promise<string> {
    const { hostname, port } = new URL(service.url);
    return new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(text);
        more?.(socket);
      });
      sockets.push(socket);
      let answer = "";
      socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
      // That the server hangs up in the middle is what some of them are for.
      socket.on("error", () => {});
      socket.on("close", () => resolve(answer));
    });
  }
  /** A key of its own: what one test uses up is its own. */
  const token = async (role = "admin"): Promise<string> => {
    const name = `${role} ${Math.random()}`;
    return (await service.post("/v1/keys", { name, roles: [role] })).body["token"];
  };

  it("slow down who asks too fast, tell when to come again, and record it once", async () => {
    const fast = await token("auditor");
    const replies = await Promise.all(
      Array.from({ length: 120 }, () => service.get("/v1/runs/none", { token: fast })),
    );
    const limited = replies.filter(({ status }) => status === 429);
    assert.ok(limited.length >= 20 && limited.length <= 70, String(limited.length));
    for (const { body, headers } of limited) {
      assert.equal(body["code"], "rate-limited");
      assert.equal(headers.get("retry-after"), "1");
    }
    assert.equal((await service.get("/v1/databases")).status, 200, "others are not affected");
    const { body } = await service.get("/v1/audit/events?type=AccessRefused&limit=1000");
    const recorded = body["items"].filter(
      (one: { data: { code: string } }) => one.data.code === "rate-limited",
    );
    assert.equal(recorded.length, 1);
  });

  it("slow down who tries tokens, and let good keys in from the same address", async () => {
    const bad = `sl_${"B".repeat(43)}`;
    const replies = await Promise.all(
      Array.from({ length: 120 }, () => service.get("/v1/databases", { token: bad })),
    );
    const count = (status: number) => replies.filter((one) => one.status === status).length;
    assert.ok(count(401) >= 50 && count(429) >= 20, `${count(401)} ${count(429)}`);
    assert.equal((await service.get("/v1/databases")).status, 200);
  });

  it("end requests whose headers or body do not come, and answer others meanwhile", async () => {
    const head = "POST /v1/databases HTTP/1.1\r\nHost: x\r\n";
    const authorized = `${head}Authorization: Bearer ${service.token}\r\nContent-Type: application/json\r\n`;
    const slow = [
      ...Array.from({ length: 20 }, () => raw(head)),
      // A header a while: each is something, and none is the last.
      raw(head, (socket) => {
        const timer = setInterval(() => socket.write("X-A: a\r\n"), 50);
        socket.once("close", () => clearInterval(timer));
      }),
      raw(`${authorized}Content-Length: 1000\r\n\r\n{"name":`, (socket) => {
        const timer = setInterval(() => socket.write(" "), 50);
        socket.once("close", () => clearInterval(timer));
      }),
    ];
    assert.equal((await service.get("/livez")).status, 200);
    for (const answer of await Promise.all(slow)) assert.match(answer, /^(HTTP\/1\.1 408 |$)/);
    assert.equal((await service.get("/livez")).status, 200);
  });

  it("refuse what is announced as too large before it comes", async () => {
    const answer = await raw(
      `POST /v1/databases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${1 << 30}\r\n\r\n{`,
      (socket) => socket.once("data", () => socket.end()),
    );
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.match(answer, /body-too-large/);
  });

  it("ask for a body only where they are going to read it", async () => {
    const post = (token: string, length: number): string =>
      `POST /v1/databases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
    const onAnswer = (socket: Socket): void => {
      socket.once("data", () => socket.end());
    };
    assert.match(await raw(post("sl_wrong", 2), onAnswer), /^HTTP\/1\.1 401 /);
    assert.match(await raw(post(service.token, 1 << 30), onAnswer), /^HTTP\/1\.1 413 /);
    const answer = await raw(post(service.token, 2), (socket) => {
      socket.once("data", () => socket.end("{}"));
    });
    assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
    const other = `GET /livez HTTP/1.1\r\nHost: x\r\nExpect: the-unexpected\r\n\r\n`;
    assert.match(await raw(other, onAnswer), /^HTTP\/1\.1 417 /);
  });

  it("end what goes on without end: trailers, chunk extensions, empty lines", async () => {
    const chunked =
      `POST /v1/databases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.token}\r\n` +
      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    const endless = (begin: string, more: string): Promise<string> =>
      raw(begin, (socket) => {
        const pour = (): void => {
          while (socket.writable && socket.write(more.repeat(500)));
        };
        socket.on("drain", pour);
        pour();
      });
    const answers = await Promise.all([
      endless(`${chunked}2\r\n{}\r\n0\r\n`, "X-Trailer: and another one\r\n"),
      endless(`${chunked}2`, ";extension=more"),
      endless(chunked, "1\r\n \r\n"),
      endless("", "\r\n"),
    ]);
    for (const answer of answers) assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/);
    assert.equal((await service.get("/livez")).status, 200);
  });

  it("answer a flood of requests in one connection within the limits of one caller", async () => {
    const flooding = await token("auditor");
    const one = `GET /v1/runs/none HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${flooding}\r\n\r\n`;
    const last = one.replace("Host: x", "Host: x\r\nConnection: close");
    const answer = await raw(one.repeat(2000) + last);
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
    assert.ok(statuses.length > 100 && statuses.length <= 2001, String(statuses.length));
    const found = statuses.filter((status) => status !== "429").length;
    assert.ok(found >= 50 && found <= 90, String(found));
    assert.equal((await service.get("/v1/databases")).status, 200);
  });

  it("let the pages of exactly the named origins in", async () => {
    const ask = (origin: string, method: string, more: object = {}) =>
      service.ask(method, "/v1/databases", { headers: { origin, ...more } });
    const preflight = { "access-control-request-method": "POST" };
    const before = await ask(ORIGIN, "OPTIONS", preflight);
    assert.equal(before.status, 204);
    assert.equal(before.headers.get("access-control-allow-origin"), ORIGIN);
    assert.match(before.headers.get("access-control-allow-headers") ?? "", /Authorization/);
    assert.equal(before.headers.get("access-control-allow-credentials"), null);
    const reply = await ask(ORIGIN, "GET");
    assert.equal(reply.headers.get("access-control-allow-origin"), ORIGIN);
    assert.match(reply.headers.get("vary") ?? "", /Origin/);
    for (const origin of ["https://console.example.evil", "https://CONSOLE.example", "null"]) {
      const other = await ask(origin, "GET");
      assert.equal(other.headers.get("access-control-allow-origin"), null);
      assert.equal((await ask(origin, "OPTIONS", preflight)).status, 405);
    }
  });

  it("send the headers that keep browsers from harm", async () => {
    const { headers } = await service.get("/docs");
    assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("x-frame-options"), "SAMEORIGIN");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.match(headers.get("strict-transport-security") ?? "", /max-age=\d{8}/);
    assert.equal(headers.get("x-powered-by"), null);
    assert.equal(headers.get("cache-control"), "no-store");
  });

  it("stop in time although clients are slow", async () => {
    const slow = raw(`GET /v1/databases HTTP/1.1\r\nHost: x\r\nA: `);
    const began = Date.now();
    await service.halt();
    assert.ok(Date.now() - began < 5000);
    await slow;
    await service.restart();
  });

  it("say nothing of other origins unless some are named", async () => {
    await service.restart({ corsOrigins: [] });
    const reply = await service.get("/livez", { headers: { origin: ORIGIN } });
    assert.equal(reply.headers.get("access-control-allow-origin"), null);
    const preflight = { origin: ORIGIN, "access-control-request-method": "POST" };
    assert.equal(
      (await service.ask("OPTIONS", "/v1/databases", { headers: preflight })).status,
      405,
    );
  });

  it("take at most a hundred open operations of one database", async () => {
    await service.restart({ corsOrigins: [], rateLimit: 0 });
    await service.register("queue");
    const policy = { body: { approvals: 1 } };
    await service.ask("PATCH", "/v1/databases/queue/policy", policy);
    const migrations = [{ version: "1", name: "t", up: UP }];
    await service.post("/v1/databases/queue/migrations", { migrations });
    const run = () => service.post("/v1/databases/queue/runs");
    const first = await run();
    for (let i = 1; i < 100; i++) assert.equal((await run()).status, 202);
    const full = await run();
    assert.equal(full.status, 503, full.text);
    assert.equal(full.body["code"], "queue-full");
    assert.ok(full.headers.get("retry-after"));
    const backup = await service.post("/v1/databases/queue/backups");
    assert.equal(backup.body["code"], "queue-full");
    const cancel = { reason: "room" };
    await service.post(`/v1/runs/${first.body["id"]}/cancel`, cancel);
    assert.equal((await run()).status, 202);
  });

  it("are no fault of the service", () => {
    assert.deepEqual(service.logged, []);
  });
});
