import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { generateKeyPair, exportJWK, SignJWT } from "jose";
import { Provider } from "oidc-provider";
import { TestService } from "../support/service.ts";

const AUDIENCE = "urn:schemaledger";

/** A real OpenID provider that issues JWT access tokens to clients with credentials. */
class Issuer {
  url = "";
  #server: Server | undefined;

  async start(port = 0): Promise<void> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), use: "sig", alg: "RS256", kid: "first" };
    const provider = new Provider(this.url, {
      jwks: { keys: [jwk] },
      clients: ["db-operators", "nobody"].map((group) => ({
        client_id: group,
        client_secret: "a secret of this test",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      })),
      extraTokenClaims: (_, token) => ({ groups: [(token as { clientId?: string }).clientId] }),
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => AUDIENCE,
          getResourceServerInfo: (_, resource) => ({
            scope: "",
            audience: resource,
            accessTokenFormat: "jwt",
            accessTokenTTL: 600,
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
    });
    const answer = provider.callback();
    server.on("request", (request, response) => void answer(request, response));
  }

  async token(client: string, resource = AUDIENCE): Promise<string> {
    const response = await fetch(`${this.url}/token`, {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`${client}:a%20secret%20of%20this%20test`).toString("base64")}`,
      },
      body: new URLSearchParams({ grant_type: "client_credentials", resource }),
    });
    const body = (await response.json()) as { access_token?: string };
    assert.ok(body.access_token, JSON.stringify(body));
    return body.access_token;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

describe("tokens of an identity provider", () => {
  const issuer = new Issuer();
  let service: TestService;

  before(async () => {
    await issuer.start();
    service = await TestService.start({
      oidcIssuer: issuer.url,
      oidcAudience: AUDIENCE,
      oidcRolesClaim: "groups",
      oidcRoles: ["db-operators=operator"],
    });
  });
  after(async () => {
    await service.stop();
    await issuer.stop();
  });

  const refused = async (token: string, code: string, status = 401): Promise<void> => {
    const reply = await service.get("/v1/databases", { token });
    assert.equal(reply.body["code"], code, reply.text);
    assert.equal(reply.status, status);
  };

  it("are accepted with the role that their group gives, and act under a pseudonym", async () => {
    const token = await issuer.token("db-operators");
    const reply = await service.post(
      "/v1/databases",
      { name: "shop", engine: "sqlite", url: `${service.databases}/shop.db`, create: true },
      { token },
    );
    assert.equal(reply.status, 201, reply.text);
    const { body, text } = await service.get("/v1/audit/events?database=shop");
    const [event] = body["items"];
    assert.match(event.actor.id, /^act_[0-9a-f]{32}$/);
    assert.equal(event.actor.name, "db-operators");
    assert.equal(event.actor.kind, "user");
    assert.equal(event.context.authn.method, "oidc");
    assert.ok(!text.includes(token));
    const policy = await service.ask("PATCH", "/v1/databases/shop/policy", { token, body: {} });
    assert.equal(policy.status, 403);
  });

  it("are refused without a role here, or for another audience", async () => {
    await refused(await issuer.token("nobody"), "token-without-role");
    await refused(await issuer.token("db-operators", "urn:another"), "token-invalid");
  });

  it("are refused when forged, in every way", async () => {
    const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
    const now = Math.floor(Date.now() / 1000);
    const forged = (header: object, claims: object = {}): Promise<string> =>
      new SignJWT({ groups: ["db-operators"], ...claims })
        .setProtectedHeader({ alg: "RS256", ...header })
        .setIssuer(issuer.url)
        .setAudience(AUDIENCE)
        .setSubject("mallory")
        .setExpirationTime(now + 600)
        .sign(privateKey);
    await refused(await forged({ kid: "first" }), "token-invalid");
    await refused(await forged({ kid: "unknown" }), "token-invalid");
    // The keys are those of the provider, whatever the token would like.
    const jwk = await exportJWK(publicKey);
    for (const more of [
      { kid: "first", jku: `${service.url}/keys` },
      { kid: "first", x5u: `${service.url}/keys` },
      { kid: "../../first" },
      { jwk },
    ])
      await refused(await forged(more), "token-invalid");
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iss: issuer.url, aud: AUDIENCE, sub: "m", exp: now + 600 };
    await refused(`${part({ alg: "none" })}.${part(claims)}.x`, "token-invalid");
    const hmac = await new SignJWT({ groups: ["db-operators"] })
      .setProtectedHeader({ alg: "HS256", kid: "first" })
      .setIssuer(issuer.url)
      .setAudience(AUDIENCE)
      .setSubject("m")
      .setExpirationTime(now + 600)
      .sign(new TextEncoder().encode("guessed".repeat(8)));
    await refused(hmac, "token-invalid");
    const [head, , signature] = (await issuer.token("db-operators")).split(".");
    await refused(`${head}.${part({ ...claims, groups: ["x"] })}.${signature}`, "token-invalid");
  });

  it("keep working when the provider is away for a while; new services say that it is", async () => {
    const token = await issuer.token("db-operators");
    assert.equal((await service.get("/v1/databases", { token })).status, 200);
    await issuer.stop();
    assert.equal((await service.get("/v1/databases", { token })).status, 200);
    await service.restart();
    await refused(token, "issuer-unreachable", 503);
    assert.equal((await service.get("/v1/databases")).status, 200);
    // It comes back with other keys: old tokens are refused, new ones are not.
    await issuer.start(Number(new URL(issuer.url).port));
    // After a failure the service leaves it alone for some seconds.
    for (let again = true; again; await delay(100)) {
      const { body } = await service.get("/v1/databases", { token });
      again = body["code"] === "issuer-unreachable";
    }
    await refused(token, "token-invalid");
    const fresh = await issuer.token("db-operators");
    assert.equal((await service.get("/v1/databases", { token: fresh })).status, 200);
  });
});
