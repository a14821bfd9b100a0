import assert from "node:assert/strict";
import type { Role } from "../../src/domain/service/events.ts";
import { ROLE_PERMISSIONS } from "../../src/api/auth/permissions.ts";
import type { Route } from "../../src/api/route.ts";
import { routesOf } from "../../src/api/routes/routes.ts";
import type { Services } from "../../src/api/services.ts";
import type { Views } from "../../src/api/views/views.ts";
import { textOf } from "../support/repository.ts";
import { TestService } from "../support/service.ts";

// Only what the routes declare is read here: no handler is called.
const routes = routesOf({} as Services, {} as Views);
const protectedRoutes = routes.filter(({ access }) => access !== "public");
const roles = Object.keys(ROLE_PERMISSIONS) as Role[];
const unknownToken = `sl_${"A".repeat(43)}`;

describe("authorization", () => {
  let service: TestService;
  const tokens = new Map<Role, string>();

  before(async () => {
    service = await TestService.start();
    for (const role of roles) tokens.set(role, await service.tokenFor(role));
  });
  after(() => service.stop());

  const call = (route: Route, token: string | null) =>
    service.ask(route.method.toUpperCase(), route.path.replaceAll(/\{\w+\}/g, "none"), { token });

  it("documents which role may do what as it is", () => {
    const page = textOf("docs/reference/config.md");
    for (const role of roles)
      assert.ok(page.includes(`| \`${role}\` | ${ROLE_PERMISSIONS[role].join(", ")} |`), role);
  });

  it("opens no route without a token but liveness and readiness", () => {
    const open = routes.filter(({ access }) => access === "public").map(({ path }) => path);
    assert.deepEqual(open, ["/livez", "/readyz"]);
  });

  for (const route of protectedRoutes) {
    const name = `${route.method.toUpperCase()} ${route.path}`;

    it(`${name} refuses a request without a token, and one with an unknown token`, async () => {
      const missing = await call(route, null);
      assert.equal(missing.status, 401);
      assert.equal(missing.body["code"], "token-missing");
      assert.match(missing.headers.get("www-authenticate") ?? "", /^Bearer/);
      const unknown = await call(route, unknownToken);
      assert.equal(unknown.status, 401);
      assert.equal(unknown.body["code"], "token-unknown");
    });

    for (const role of roles) {
      const allowed = ROLE_PERMISSIONS[role].some((permission) => permission === route.access);
      it(`${name} ${allowed ? "lets" : "does not let"} an ${role} in`, async () => {
        const reply = await call(route, tokens.get(role)!);
        if (allowed) {
          assert.ok(reply.status !== 401 && reply.status !== 403, `${reply.status} ${reply.text}`);
        } else {
          assert.equal(reply.status, 403);
          assert.equal(reply.body["code"], "forbidden");
          assert.equal(reply.body["permission"], route.access);
        }
      });
    }
  }

  it("shuts a revoked key out at once", async () => {
    const { body } = await service.post("/v1/keys", { name: "short", roles: ["auditor"] });
    const token = body["token"] as string;
    assert.equal((await service.get("/v1/databases", { token })).status, 200);
    assert.equal((await service.ask("DELETE", `/v1/keys/${body["id"]}`)).status, 204);
    const refused = await service.get("/v1/databases", { token });
    assert.equal(refused.status, 401);
    assert.equal(refused.body["code"], "token-revoked");
  });

  it("never revokes the last admin key", async () => {
    const { body } = await service.get("/v1/keys");
    const admins = body["items"].filter((key: { roles: string[] }) => key.roles.includes("admin"));
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
    for (const token of [...tokens.values(), service.token])
      for (const place of [text, events.text, JSON.stringify(service.logged)])
        assert.ok(!place.includes(token));
  });
});
