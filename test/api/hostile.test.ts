import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { TestService, type Ask } from "../support/service.ts";

interface Attack {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly status: number;
  readonly code: string;
  readonly ask: (service: TestService) => Ask;
}

const JSON_TYPE = { "content-type": "application/json" };
const json = (raw: string | Uint8Array<ArrayBuffer>): Ask => ({ raw, headers: JSON_TYPE });
const body = (value: unknown): Ask => ({ body: value });
const nested = (depth: number): string => `{"a":`.repeat(depth) + "1" + "}".repeat(depth);
const DATABASES = "/v1/databases";
const MIGRATIONS = "/v1/databases/shop/migrations";
const RUNS = "/v1/databases/shop/runs";
const UP = "CREATE TABLE t (id INTEGER PRIMARY KEY)";

const invalid = (name: string, path: string, value: unknown): Attack => ({
  name,
  path,
  status: 400,
  code: "invalid-request",
  ask: () => body(value),
});
const malformed = (name: string, text: string, code = "malformed-json"): Attack => ({
  name,
  path: RUNS,
  status: 400,
  code,
  ask: () => json(text),
});
const query = (name: string, path: string, code = "invalid-request", status = 400): Attack => ({
  name,
  method: "GET",
  path,
  status,
  code,
  ask: () => ({}),
});
const place = (name: string, file: string, status: number, code: string): Attack => ({
  name,
  path: DATABASES,
  status,
  code,
  ask: (service) =>
    body({
      name: "hostile",
      engine: "sqlite",
      url: file.replace("$DIR", service.databases).replace("$DATA", service.data),
      create: true,
    }),
});

const ATTACKS: readonly Attack[] = [
  malformed("JSON that ends too early", '{"to":'),
  malformed("a list instead of an object", "[]"),
  malformed("a number instead of an object", "1"),
  malformed("a text instead of an object", '"x"'),
  malformed("null instead of an object", "null"),
  malformed("JSON with a comment", '{/* */"to":"1"}'),
  malformed("nesting deeper than any request", nested(40)),
  malformed("nesting as deep as the limit of bytes allows", "[".repeat(100_000)),
  malformed("a member name twice", '{"to":"1","to":"2"}'),
  malformed("a member name twice, once escaped", '{"to":"1","\\u0074o":"2"}'),
  malformed("the name __proto__", '{"__proto__":{"to":"1"}}'),
  malformed("the name __proto__, escaped", '{"\\u005f_proto__":{"to":"1"}}'),
  malformed("the name constructor", '{"constructor":{"prototype":{"to":"1"}}}'),
  malformed("a null character in a text", '{"reason":"a\\u0000b"}'),
  malformed("half a surrogate pair", '{"reason":"\\ud800"}'),
  malformed("a bare control character", '{"reason":"a\u0001b"}'),
  malformed("members without end", `{"a":[${"1,".repeat(250_000)}1]}`),
  {
    name: "malformed UTF-8",
    path: RUNS,
    status: 400,
    code: "malformed-utf8",
    ask: () => json(new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
  },
  {
    name: "UTF-16",
    path: RUNS,
    status: 415,
    code: "unsupported-media-type",
    ask: () => ({ raw: "{}", headers: { "content-type": "application/json; charset=utf-16" } }),
  },
  {
    name: "a form",
    path: RUNS,
    status: 415,
    code: "unsupported-media-type",
    ask: () => ({ raw: "to=1", headers: { "content-type": "application/x-www-form-urlencoded" } }),
  },
  {
    name: "JSON that says it is text",
    path: RUNS,
    status: 415,
    code: "unsupported-media-type",
    ask: () => ({ raw: "{}", headers: { "content-type": "text/plain" } }),
  },
  {
    name: "a compressed bomb",
    path: RUNS,
    status: 415,
    code: "content-encoding",
    ask: () => ({
      raw: new Uint8Array(gzipSync(" ".repeat(5_000_000))),
      headers: { ...JSON_TYPE, "content-encoding": "gzip" },
    }),
  },
  {
    name: "more than 1 MiB where no migrations go",
    path: RUNS,
    status: 413,
    code: "body-too-large",
    ask: () => json(`{"reason":"${"x".repeat(1 << 20)}"}`),
  },
  {
    name: "more than 32 MiB of migrations",
    path: MIGRATIONS,
    status: 413,
    code: "body-too-large",
    ask: () => json(`{"a":"${"x".repeat(32 << 20)}"}`),
  },
  invalid("an unknown member", RUNS, { force: true }),
  invalid("an unknown member within", MIGRATIONS, {
    migrations: [{ version: "1", name: "a", up: UP, force: true }],
  }),
  invalid("a list within the list", MIGRATIONS, {
    migrations: [[{ version: "1", name: "a", up: UP }]],
  }),
  invalid("an object for the list", MIGRATIONS, {
    migrations: { version: "1", name: "a", up: UP },
  }),
  invalid("no migration", MIGRATIONS, { migrations: [] }),
  invalid("too many migrations", MIGRATIONS, {
    migrations: Array.from({ length: 1001 }, (_, i) => ({ version: `${i}`, name: "a", up: UP })),
  }),
  invalid("a version with a path in it", MIGRATIONS, {
    migrations: [{ version: "../1", name: "a", up: UP }],
  }),
  invalid("a version beyond exact numbers", MIGRATIONS, {
    migrations: [{ version: 2 ** 60, name: "a", up: UP }],
  }),
  invalid("a negative version", MIGRATIONS, { migrations: [{ version: -1, name: "a", up: UP }] }),
  invalid("a list for a script", MIGRATIONS, {
    migrations: [{ version: "1", name: "a", up: [UP] }],
  }),
  invalid("a list for an allowance", MIGRATIONS, {
    migrations: [{ version: "1", name: "a", up: UP, allow: [] }],
  }),
  invalid("null for a member", RUNS, { to: null }),
  invalid("a list for a text", RUNS, { reason: ["x"] }),
  invalid("an object for a text", RUNS, { reason: { toString: "x" } }),
  invalid("a text for a truth value", RUNS, { rehearse: "false" }),
  invalid("a reason without end", RUNS, { reason: "x".repeat(2001) }),
  invalid("a wrong plan digest", RUNS, { planDigest: "md5:00" }),
  invalid("a time beyond the years that are written", RUNS, {
    notBefore: "9999-12-31T23:59:59-23:59",
  }),
  invalid("a time before them", RUNS, { notBefore: "0001-01-01T00:00:00+00:01" }),
  invalid("a second that clocks do not have", RUNS, { notBefore: "2030-06-30T23:59:60Z" }),
  invalid("a time that is none", RUNS, { notBefore: "2030-02-30T00:00:00Z" }),
  invalid("tables of a restore that are none", "/v1/databases/shop/restores", {
    backupId: "0198f3c2-7d3e-7c4b-9a55-0c5b8a1d2e3f",
    reason: "x",
    tables: [""],
  }),
  invalid("a roll back without a reason", "/v1/databases/shop/rollbacks", { to: "0" }),
  invalid("a body where none is known", "/v1/ledger/verifications", { ok: true }),
  invalid("a role that does not exist", "/v1/keys", { name: "x", roles: ["root"] }),
  invalid("a key for some databases", "/v1/keys", {
    name: "x",
    roles: ["auditor"],
    databases: "shop",
  }),
  invalid("a name with upper case", DATABASES, { name: "Shop", engine: "sqlite", url: "/x" }),
  invalid("a name with a line break", DATABASES, { name: "shop\n", engine: "sqlite", url: "/x" }),
  invalid("an engine that does not exist", DATABASES, { name: "a", engine: "oracle", url: "/x" }),
  place("a path that climbs", "$DIR/../escaped.db", 400, "database-url-invalid"),
  place("a path that climbs, encoded", "file://$DIR/%2e%2e/x.db", 400, "database-url-invalid"),
  place("a file outside the roots", "/tmp/schemaledger-hostile.db", 403, "outside-roots"),
  place("a symlink out of the roots", "$DIR/link/x.db", 403, "outside-roots"),
  place("a symlink to nothing", "$DIR/dangling.db", 400, "not-a-regular-file"),
  place("the ledger itself", "$DATA/ledger.db", 403, "outside-roots"),
  place("a directory", "$DIR/directory", 400, "not-a-regular-file"),
  place("a file that is no database", "$DIR/text.db", 400, "not-a-database"),
  place("a URL with parameters", "file://$DIR/x.db?mode=memory", 400, "database-url-invalid"),
  place("a database in memory", ":memory:", 400, "database-url-invalid"),
  {
    name: "a name that is taken",
    path: DATABASES,
    status: 409,
    code: "database-exists",
    ask: ({ databases }) =>
      body({ name: "shop", engine: "sqlite", url: join(databases, "two.db"), create: true }),
  },
  {
    name: "a key used for something else",
    path: RUNS,
    status: 409,
    code: "idempotency-key-reused",
    ask: () => ({ body: { reason: "other" }, headers: { "idempotency-key": "used" } }),
  },
  {
    name: "a key without end",
    path: RUNS,
    status: 400,
    code: "idempotency-key-invalid",
    ask: () => ({ body: {}, headers: { "idempotency-key": "k".repeat(256) } }),
  },
  {
    name: "a key that is no ASCII",
    path: RUNS,
    status: 400,
    code: "idempotency-key-invalid",
    ask: () => ({ body: {}, headers: { "idempotency-key": "\u00e9" } }),
  },
  query("an unknown parameter", "/v1/runs?force=1"),
  query("a parameter twice", "/v1/runs?limit=1&limit=2"),
  query("a limit of nothing", "/v1/audit/events?limit=0"),
  query("a limit without end", "/v1/audit/events?limit=100000"),
  query("a limit in hexadecimal", "/v1/audit/events?limit=0x10"),
  query("an event type that does not exist", "/v1/audit/events?type=LedgerOpened,Nothing"),
  query("a time that does not exist", "/v1/audit/events?from=2026-02-30T00:00:00Z"),
  query("a time without a zone", "/v1/audit/events?from=2026-01-01"),
  query("a wait without end", "/v1/runs/x?wait=3600"),
  query("a point that is none", "/v1/databases/shop/schema?at=yesterday"),
  query("a live schema of the past", "/v1/databases/shop/schema?at=live"),
  query(
    "a cursor of another list",
    "/v1/databases/shop/schema/blame?after=aTU",
    "malformed-cursor",
  ),
  query("the parameter __proto__", "/v1/runs?__proto__=1", "malformed-json"),
  query("a cursor of one's own", "/v1/runs?after=AAAA", "malformed-cursor"),
  query("a path that is not encoded right", "/v1/runs/%zz", "malformed-request"),
  query("a null character in the path", "/v1/runs/%00", "run-not-found", 404),
  query("a path within a parameter", "/v1/runs/..%2f..%2fkeys", "run-not-found", 404),
  query("the object model as a name", "/v1/databases/__proto__", "database-not-found", 404),
  query("a path that does not exist", "/v1/admin", "path-unknown", 404),
  {
    name: "a method that is not possible",
    method: "PUT",
    path: RUNS,
    status: 405,
    code: "method-not-allowed",
    ask: () => ({}),
  },
  {
    name: "a method in a header",
    path: "/v1/keys/none",
    status: 405,
    code: "method-not-allowed",
    ask: () => ({ body: {}, headers: { "x-http-method-override": "DELETE" } }),
  },
  {
    name: "a type that cannot be produced",
    method: "GET",
    path: "/v1/audit/events",
    status: 406,
    code: "not-acceptable",
    ask: () => ({ headers: { accept: "image/png" } }),
  },
  {
    name: "a place in a stream that is none",
    method: "GET",
    path: "/v1/audit/events?after=-1",
    status: 400,
    code: "invalid-request",
    ask: () => ({}),
  },
  {
    name: "a token without end",
    method: "GET",
    path: DATABASES,
    status: 401,
    code: "token-malformed",
    ask: () => ({ token: "a".repeat(10_000) }),
  },
  {
    name: "another way to authenticate",
    method: "GET",
    path: DATABASES,
    status: 401,
    code: "token-malformed",
    ask: () => ({ token: null, headers: { authorization: "Basic YWRtaW46YWRtaW4=" } }),
  },
];

/** What the server answers to bytes that no client library would send. */
function sendBytes(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

describe("hostile requests", () => {
  let service: TestService;
  let size: number;

  before(async () => {
    service = await TestService.start();
    const { databases } = service;
    await mkdir(join(databases, "directory"));
    await writeFile(join(databases, "text.db"), "This is a text and no database.".repeat(100));
    await symlink("/tmp", join(databases, "link"));
    await symlink("/nowhere/x.db", join(databases, "dangling.db"));
    assert.equal((await service.register("shop")).status, 201);
    const used = { body: {}, headers: { "idempotency-key": "used" } };
    assert.equal((await service.ask("POST", "/v1/databases/shop/plans", used)).status, 201);
    size = await service.facts();
  });
  after(() => service.stop());

  for (const { name, method = "POST", path = RUNS, status, code, ask } of ATTACKS) {
    it(`refuses ${name}`, async () => {
      const reply = await service.ask(method, path, ask(service));
      assert.equal(reply.status, status, reply.text);
      assert.equal(reply.body["code"], code, reply.text);
      assert.match(reply.headers.get("content-type") ?? "", /^application\/problem\+json/);
      assert.equal(reply.body["requestId"], reply.headers.get("x-request-id"));
      assert.equal(await service.facts(), size);
    });
  }

  const BROKEN: readonly (readonly [name: string, text: string, status: number])[] = [
    [
      "a header without end",
      `GET /livez HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(70_000)}\r\n\r\n`,
      431,
    ],
    [
      "headers without end",
      `GET /livez HTTP/1.1\r\nHost: x\r\n${"A: a\r\n".repeat(9000)}\r\n`,
      431,
    ],
    ["what is no HTTP", "hello\r\n\r\n", 400],
    [
      "two lengths",
      "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      400,
    ],
    [
      "a length and chunks",
      "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
  ];
  for (const [name, text, status] of BROKEN) {
    it(`refuses ${name}`, async () => {
      const answer = await sendBytes(service.url, text);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(answer, /application\/problem\+json/);
      assert.match(answer, /"code":"[a-z-]+"/);
    });
  }

  it("takes over no request id that could forge a log", async () => {
    const forged = await service.get("/livez", { headers: { "x-request-id": 'x"} {"level":"' } });
    assert.match(forged.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
    const fine = await service.get("/livez", { headers: { "x-request-id": "build-4711.a" } });
    assert.equal(fine.headers.get("x-request-id"), "build-4711.a");
  });

  it("names the methods that are possible", async () => {
    const { headers } = await service.ask("PUT", "/v1/databases/shop/backups");
    assert.equal(headers.get("allow"), "POST, GET, HEAD");
  });

  it("fails unexpectedly at none of this", () => {
    assert.deepEqual(service.logged, []);
  });
});
