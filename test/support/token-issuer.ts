import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";

/** An identity provider on the loopback that signs whatever claims a test asks for. */
export class TestIssuer {
  readonly audience = "urn:schemaledger";
  url = "";
  #server: Server | undefined;
  #key: CryptoKey | undefined;

  async start(): Promise<this> {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    this.#key = privateKey;
    const jwk = { ...(await exportJWK(publicKey)), kid: "k", alg: "ES256", use: "sig" };
    const server = createServer((request, response) => {
      const isKeys = request.url === "/keys";
      const body = isKeys ? { keys: [jwk] } : { issuer: this.url, jwks_uri: `${this.url}/keys` };
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this;
  }

  /** An access token for ten minutes, unless the claims say otherwise. */
  token(claims: object = {}): Promise<string> {
    return new SignJWT({
      iss: this.url,
      aud: this.audience,
      sub: "someone",
      exp: Math.floor(Date.now() / 1000) + 600,
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256", kid: "k", typ: "at+jwt" })
      .sign(this.#key!);
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}
