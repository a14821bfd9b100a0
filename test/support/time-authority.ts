import { execFile, execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export const hasOpenssl = (): boolean => spawnSync("openssl", ["version"]).status === 0;

/** A time stamping authority made with openssl, on loopback. */
export class TimeAuthorityServer {
  readonly certificates: string;
  readonly #directory: string;
  readonly #server: Server;
  /** What is answered instead of a stamp for this request. */
  replay: Uint8Array | undefined;
  last: Uint8Array | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#makeKeys();
    this.certificates = join(directory, "chain.pem");
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        this.#stamp(Buffer.concat(pieces)).then(
          (answer) => response.end(answer),
          () => response.writeHead(500).end(),
        );
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/tsr`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #stamp(query: Uint8Array): Promise<Uint8Array> {
    if (this.replay !== undefined) return this.replay;
    const name = join(this.#directory, randomUUID());
    writeFileSync(`${name}.tsq`, query);
    const files = ["-queryfile", `${name}.tsq`, "-out", `${name}.tsr`];
    const config = join(this.#directory, "tsa.conf");
    await new Promise<void>((resolve, reject) => {
      const args = ["ts", "-reply", "-config", config, ...files];
      execFile("openssl", args, { cwd: this.#directory }, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    this.last = readFileSync(`${name}.tsr`);
    return this.last;
  }

  #makeKeys(): void {
    const run = (command: string): void =>
      void execFileSync("openssl", command.split(" "), { cwd: this.#directory, stdio: "ignore" });
    const at = (name: string): string => join(this.#directory, name);
    writeFileSync(at("serial"), "01\n");
    writeFileSync(
      at("tsa.ext"),
      "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n",
    );
    writeFileSync(
      at("tsa.conf"),
      `[tsa]
default_tsa = t
[t]
serial = ${at("serial")}
signer_cert = ${at("tsa.pem")}
signer_key = ${at("tsa.key")}
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
`,
    );
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca");
    run("req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=tsa");
    run(
      "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 2 -extfile tsa.ext",
    );
    run(
      "req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 2 -subj /CN=other",
    );
    writeFileSync(
      at("chain.pem"),
      readFileSync(at("tsa.pem"), "utf8") + readFileSync(at("ca.pem"), "utf8"),
    );
  }
}
