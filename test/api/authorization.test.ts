import assert from "node:assert/strict";
import type { Role } from "../../src/domain/service/events.ts";
import { createApp } from "../../src/api/app.ts";
import { ROLE_PERMISSIONS } from "../../src/api/auth/permissions.ts";
import type { Route } from "../../src/api/route.ts";
import { routesOf } from "../../src/api/routes/routes.ts";
import type { Services } from "../../src/api/services.ts";
import type { Views } from "../../src/api/views/views.ts";
import { textOf } from "../support/repository.ts";
import { TestService, type Reply } from "../support/service.ts";
import { TestIssuer } from "../support/token-issuer.ts";

// Only what the routes declare is read here: no handler is called.
const routes = routesOf({} as Services, {} as Views);
const protectedRoutes = routes.filter(({ access }) => access !== "public");
const roles = Object.keys(ROLE_PERMISSIONS) as Role[];
const permits = (role: Role, { access }: Route): boolean =>
  ROLE_PERMISSIONS[role].some((permission) => permission === access);

/** What is not accepted, whatever it would have been allowed, and the code that says so. */
interface Worthless {
  readonly who: string;
  readonly token: string | null;
  readonly code: string;
}

/** What is accepted, with what it may. */
interface Caller {
  readonly who: string;
  readonly role: Role;
  readonly token: string;
}

describe("authorization", () => {
  const issuer = new TestIssuer();
  const otherIssuer = new TestIssuer();
  let service: TestService;
  const worthless: Worthless[] = [];
  const callers: Caller[] = [];
  /** Limited to the database `ours`. */
  const limited: Caller[] = [];
  /** Index of the last event before the routes are tried. */
  let last: number;

  before(async () => {
    await Promise.all([issuer.start(), otherIssuer.start()]);
    service = await TestService.start({ oidcIssuer: issuer.url, oidcAudience: issuer.audience });
    await service.register("ours");
    await service.register("theirs");
    for (const role of roles) await issue(role);
    await addForeignKeys();
    await addTokens();
    // Those that expire were good until then.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    last = (await service.size()) - 1;
  });
  after(async () => {
    await service.stop();
    await Promise.all([issuer.stop(), otherIssuer.stop()]);
  });

  const key = async (name: string, role: Role, more: object = {}) => {
    const made = await service.post("/v1/keys", { name, roles: [role], ...more });
    assert.equal(made.status, 201, made.text);
    return made.body as { readonly id: string; readonly token: string };
  };

  async function issue(role: Role): Promise<void> {
    const { token } = await key(`the ${role}`, role);
    callers.push({ who: `key of an ${role}`, role, token });
    const revoked = await key(`revoked ${role}`, role);
    assert.equal((await service.ask("DELETE", `/v1/keys/${revoked.id}`)).status, 204);
    worthless.push({ who: `revoked ${role}`, token: revoked.token, code: "token-revoked" });
    const expiresAt = new Date(Date.now() + 900).toISOString();
    const expired = await key(`expired ${role}`, role, { expiresAt });
    worthless.push({ who: `expired ${role}`, token: expired.token, code: "token-expired" });
    if (role === "admin") return;
    const some = await key(`limited ${role}`, role, { databases: ["ours"] });
    limited.push({ who: `limited ${role}`, role, token: some.token });
  }

  /** Good ones, of another service. */
  async function addForeignKeys(): Promise<void> {
    const other = await TestService.start();
    for (const role of roles)
      worthless.push({
        who: `foreign ${role}`,
        token: await other.tokenFor(role),
        code: "token-unknown",
      });
    worthless.push({ who: "foreign first key", token: other.token, code: "token-unknown" });
    await other.stop();
  }

  async function addTokens(): Promise<void> {
    const exp = Math.floor(Date.now() / 1000) - 61;
    const add = async (who: string, code: string, token: Promise<string>): Promise<void> => {
      worthless.push({ who, code, token: await token });
    };
    for (const role of roles) {
      const token = await issuer.token({ sub: role, roles: [role] });
      callers.push({ who: `token of an ${role}`, role, token });
      await add(`expired token, ${role}`, "token-expired", issuer.token({ roles: [role], exp }));
    }
    const admin = { roles: ["admin"] };
    await add("audience", "token-invalid", issuer.token({ ...admin, aud: "urn:other" }));
    await add("issuer", "token-invalid", issuer.token({ ...admin, iss: otherIssuer.url }));
    await add("foreign token", "token-invalid", otherIssuer.token(admin));
    const stolen = otherIssuer.token({ ...admin, iss: issuer.url });
    await add("foreign signature", "token-invalid", stolen);
    await add("no role", "token-without-role", issuer.token());
    worthless.push(
      { who: "nobody", token: null, code: "token-missing" },
      { who: "made up", token: `sl_${"A".repeat(43)}`, code: "token-unknown" },
      { who: "empty", token: "", code: "token-malformed" },
    );
  }

  /** The body is refused wherever it is read: nothing is done by whoever is let in. */
  const call = (route: Route, token: string | null, database = "none"): Promise<Reply> =>
    service.ask(
      route.method.toUpperCase(),
      route.path.replaceAll(/\{(\w+)\}/g, (_, name) => (name === "database" ? database : "none")),
      { token, ...(route.method === "get" ? {} : { body: { unknown: true } }) },
    );

  it("documents which role may do what as it is", () => {
    const page = textOf("docs/reference/config.md");
    for (const role of roles)
      assert.ok(page.includes(`| \`${role}\` | ${ROLE_PERMISSIONS[role].join(", ")} |`), role);
  });

  it("tells the same in the OpenAPI document", async () => {
    const { body } = await service.get("/openapi.json");
    const { description } = body["components"].securitySchemes.apiKey;
    for (const role of roles)
      assert.ok(description.includes(`| \`${role}\` | ${ROLE_PERMISSIONS[role].join(", ")} |`));
    for (const route of protectedRoutes) {
      const operation = body["paths"][route.path][route.method];
      const told = /\(roles: ([a-z, ]+)\)/.exec(operation.description)?.[1]?.split(", ");
      assert.deepEqual(
        told,
        roles.filter((role) => permits(role, route)),
        route.id,
      );
    }
  });

  it("serves no path that is not in the table of routes", () => {
    const app = createApp({ texts: {}, identity: {} } as Services) as unknown as {
      readonly router: {
        readonly stack: readonly { readonly route?: { readonly path: string } }[];
      };
    };
    const served = new Set(app.router.stack.flatMap((layer) => layer.route?.path ?? []));
    const declared = routes.map(({ path, rest }) =>
      (rest === true ? path.replace(/\{(\w+)\}$/, "*$1") : path).replaceAll(/\{(\w+)\}/g, ":$1"),
    );
    assert.deepEqual([...served].toSorted(), [...new Set(declared)].toSorted());
  });

  it("opens no route without a token but liveness and readiness", () => {
    const open = routes.filter(({ access }) => access === "public").map(({ path }) => path);
    assert.deepEqual(open, ["/livez", "/readyz"]);
  });

  for (const route of protectedRoutes) {
    const name = `${route.method.toUpperCase()} ${route.path}`;

    it(`${name} refuses whoever shows nothing, or what is revoked, expired or of others`, async () => {
      await Promise.all(
        worthless.map(async ({ who, token, code }) => {
          const reply = await call(route, token);
          assert.equal(reply.status, 401, `${who}: ${reply.text}`);
          assert.equal(reply.body["code"], code, who);
          assert.match(reply.headers.get("www-authenticate") ?? "", /^Bearer/);
        }),
      );
    });

    it(`${name} lets those roles in that have the permission ${route.access}`, async () => {
      await Promise.all(
        callers.map(async ({ who, role, token }) => {
          const reply = await call(route, token);
          assertLet(permits(role, route), route, reply, who);
        }),
      );
    });

    it(`${name} lets limited keys of those roles in to their own database alone`, async () => {
      await Promise.all(
        limited.map(async ({ who, role, token }) => {
          const foreign = await call(route, token, "theirs");
          if (!permits(role, route)) assertLet(false, route, foreign, who);
          else if (route.reach === undefined && /^[^{]*$|\{database\}/.test(route.path))
            assert.ok([403, 404].includes(foreign.status), `${who}: ${foreign.text}`);
          assert.ok(!foreign.text.includes("theirs.db"), who);
          if (!route.path.includes("{database}")) return;
          const own = await call(route, token, "ours");
          assertLet(permits(role, route), route, own, who);
          // Whatever else is wrong with it, the database is found.
          assert.notEqual(own.body["code"], "database-not-found", who);
        }),
      );
    });
  }

  it("changed nothing by all of these", async () => {
    const { body } = await service.get("/v1/audit/events?order=desc&limit=1000");
    const later = body["items"].filter(({ index }: { index: number }) => index > last);
    // Who asked, who was refused and what was read is recorded, and nothing else.
    const expected = new Set(["KeyUsed", "AccessRefused", "AuditAccessed", "ReportIssued"]);
    const types = new Set<string>(later.map(({ type }: { type: string }) => type));
    assert.deepEqual(
      [...types].filter((type) => !expected.has(type)),
      [],
    );
  });

  it("shuts a revoked key out at once", async () => {
    const { id, token } = await key("short", "auditor");
    assert.equal((await service.get("/v1/databases", { token })).status, 200);
    assert.equal((await service.ask("DELETE", `/v1/keys/${id}`)).status, 204);
    const refused = await service.get("/v1/databases", { token });
    assert.equal(refused.status, 401);
    assert.equal(refused.body["code"], "token-revoked");
  });

  it("never revokes the last admin key", async () => {
    const { body } = await service.get("/v1/keys");
    const admins = body["items"].filter((one: { roles: string[] }) => one.roles.includes("admin"));
    const results: number[] = [];
    for (const { id } of admins.toReversed()) {
      results.push((await service.ask("DELETE", `/v1/keys/${id}`)).status);
    }
    assert.equal(results.at(-1), 409);
    assert.equal((await service.get("/v1/databases")).status, 200);
  });

  it("keeps tokens out of the list of keys, the ledger and the log", async () => {
    const { text } = await service.get("/v1/keys");
    const events = await service.get("/v1/audit/events?limit=1000");
    const tokens = [...callers, ...limited, ...worthless].map(({ token }) => token ?? "");
    for (const token of [...tokens, service.token].filter((one) => one !== ""))
      for (const place of [text, events.text, JSON.stringify(service.diary)])
        assert.ok(!place.includes(token));
  });
});

function assertLet(allowed: boolean, route: Route, reply: Reply, who: string): void {
  if (allowed) {
    assert.ok(reply.status !== 401 && reply.status !== 403, `${who}: ${reply.text}`);
    return;
  }
  assert.equal(reply.status, 403, `${who}: ${reply.text}`);
  assert.equal(reply.body["code"], "forbidden", who);
  assert.equal(reply.body["permission"], route.access, who);
}
