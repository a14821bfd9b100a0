import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";
import { OidcIssuer } from "../../../src/infra/identity/oidc-issuer.ts";

const AUDIENCE = "urn:schemaledger";

describe("OidcIssuer", () => {
  let server: Server;
  let url: string;
  let key: CryptoKey;
  let issuer: OidcIssuer;
  let published: object[];
  const asked: string[] = [];

  before(async () => {
    const pair = await generateKeyPair("ES256");
    key = pair.privateKey;
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: "k", alg: "ES256", use: "sig" };
    published = [jwk];
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      const isKeys = request.url === "/keys";
      const body = isKeys ? { keys: published } : { issuer: url, jwks_uri: `${url}/keys` };
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    issuer = new OidcIssuer({ issuer: url, audience: AUDIENCE, rolesClaim: "roles", roles: {} });
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A token signed with the issuer's own key. */
  const token = (claims: object = {}, header: object = {}): Promise<string> =>
    new SignJWT({
      iss: url,
      aud: AUDIENCE,
      sub: "someone",
      exp: Math.floor(Date.now() / 1000) + 600,
      roles: ["auditor"],
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256", kid: "k", ...header })
      .sign(key);

  const refuses = async (made: Promise<string>, code = "token-invalid"): Promise<void> => {
    await assert.rejects(issuer.verify(await made), { code });
  };

  it("takes access tokens, also for several audiences", async () => {
    for (const typ of [undefined, "JWT", "at+jwt", "application/at+JWT"]) {
      const header = typ === undefined ? {} : { typ };
      assert.equal((await issuer.verify(await token({}, header))).subject, "someone");
    }
    await issuer.verify(await token({ aud: ["urn:other", AUDIENCE] }));
  });

  it("refuses tokens that were made for something else", async () => {
    for (const typ of ["logout+jwt", "dpop+jwt", "secevent+jwt", "x\u0007\n"])
      await refuses(token({}, { typ }));
    await refuses(token({ aud: ["urn:other"] }));
    await refuses(token({ aud: [] }));
    await refuses(token({ iss: `${url}/` }));
  });

  it("refuses tokens without end, without subject, or whose subject is no text", async () => {
    const now = Math.floor(Date.now() / 1000);
    await refuses(token({ exp: undefined }));
    await refuses(token({ exp: "never" }));
    await refuses(token({ exp: now - 61 }), "token-expired");
    await refuses(token({ nbf: now + 120 }));
    for (const sub of [undefined, "", 5, null, { id: 1 }, ["someone"]])
      await refuses(token({ sub }));
  });

  it("bears with a clock that differs by half a minute", async () => {
    const now = Math.floor(Date.now() / 1000);
    await issuer.verify(await token({ exp: now - 30 }));
    await issuer.verify(await token({ nbf: now + 30 }));
  });

  it("reads roles that are told strangely as no roles", async () => {
    for (const roles of [undefined, null, 7, {}, [["admin"]], [{ admin: true }], "Admin", "owner"])
      await refuses(token({ roles }), "token-without-role");
  });

  it("makes of names what can be shown in one line", async () => {
    const nameOf = async (claims: object): Promise<string> =>
      (await issuer.verify(await token(claims))).name;
    assert.equal(await nameOf({ email: "eve\r\n\u001b[31m\u202etxt.exe" }), "eve[31mtxt.exe");
    assert.equal(await nameOf({ email: "\u0000 ", name: "Eve" }), "Eve");
    const claimed = { email: "boss@example.org", email_verified: false, name: "Eve" };
    assert.equal(await nameOf(claimed), "Eve");
    assert.equal((await nameOf({ email: "e".repeat(5000) })).length, 200);
    assert.equal(await nameOf({ email: 1, name: [], sub: "\u200b" }), "unnamed");
  });

  it("leaves an issuer alone for a while that could not be asked", async () => {
    let now = 0;
    let asks = 0;
    const silent = createServer((_, response) => {
      asks += 1;
      response.statusCode = 500;
      response.end();
    });
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const place = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const options = { issuer: place, audience: AUDIENCE, rolesClaim: "roles", roles: {} };
    const down = new OidcIssuer(options, () => now);
    const made = await token({ iss: place });
    for (let i = 0; i < 5; i++)
      await assert.rejects(down.verify(made), { code: "issuer-unreachable" });
    assert.equal(asks, 1);
    now = 5000;
    await assert.rejects(down.verify(made), { code: "issuer-unreachable" });
    assert.equal(asks, 2);
    await new Promise((resolve) => silent.close(resolve));
  });

  it("does not ask the issuer for each key that it does not know", async () => {
    await issuer.verify(await token());
    asked.length = 0;
    for (let i = 0; i < 20; i++) await refuses(token({}, { kid: `unknown ${i}` }));
    assert.ok(asked.length <= 1, asked.join(" "));
  });

  it("takes up keys that the issuer changes, and lets go of those that it withdraws", async () => {
    const old = await token();
    await issuer.verify(old);
    const pair = await generateKeyPair("ES256");
    published = [{ ...(await exportJWK(pair.publicKey)), kid: "k2", alg: "ES256", use: "sig" }];
    key = pair.privateKey;
    const fresh = await token({}, { kid: "k2" });
    const { now } = Date;
    try {
      // Keys are looked for again once half a minute has passed.
      Date.now = () => now() + 31_000;
      assert.equal((await issuer.verify(fresh)).subject, "someone");
      await refuses(Promise.resolve(old));
    } finally {
      Date.now = now;
    }
  });
});
