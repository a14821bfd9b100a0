import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Where a connection is cut: before what is asked arrives, or before the answer does. */
export type Cut = "question" | "answer";

/** Stands between a client and a server on loopback, and cuts the line when it is told to. */
export class Proxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  #cut: Cut | undefined;
  #text = "";
  #down = false;
  #silent = false;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async before(port: number): Promise<Proxy> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const proxy = new Proxy(server, address.port);
    server.on("connection", (client) => proxy.#join(client, port));
    return proxy;
  }

  /** Once, on the connection whose client next sends something with this text in it. */
  cutAt(cut: Cut, text: string): void {
    this.#cut = cut;
    this.#text = text;
  }

  /** Whether the line that was to be cut was cut. */
  get hasCut(): boolean {
    return this.#cut === undefined;
  }

  /** Cuts everything and takes no connections, until `up`. */
  down(): void {
    this.#down = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  up(): void {
    this.#down = false;
    this.#silent = false;
  }

  /** Passes nothing on from now on, and says so to nobody; connections that are made meanwhile wait, too. */
  silence(): void {
    this.#silent = true;
  }

  async close(): Promise<void> {
    this.down();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(client: Socket, port: number): void {
    if (this.#down) {
      client.destroy();
      return;
    }
    const server = connect(port, "127.0.0.1");
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    let answersAreCut = false;
    const end = (): void => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    client.on("data", (data: Buffer) => {
      if (this.#silent) return;
      if (this.#cut !== undefined && data.includes(this.#text)) {
        answersAreCut = this.#cut === "answer";
        this.#cut = undefined;
        if (!answersAreCut) {
          end();
          return;
        }
      }
      server.write(data);
    });
    server.on("data", (data: Buffer) => {
      if (this.#silent) return;
      if (answersAreCut) end();
      else client.write(data);
    });
    for (const socket of pair) {
      socket.on("error", end);
      socket.on("close", end);
    }
  }
}
