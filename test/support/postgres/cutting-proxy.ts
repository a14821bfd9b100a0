import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Stands between a client and a server and cuts the connection when an answer is on its way back. */
export class CuttingProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #text: string | undefined;
  #cuts = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(to: number): Promise<CuttingProxy> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const proxy = new CuttingProxy(server, address.port);
    server.on("connection", (client) => proxy.#carry(client, connect(to, "127.0.0.1")));
    return proxy;
  }

  /** The next answer after a query that holds this text is lost, with its connection. */
  cutAfter(text: string): void {
    this.#text = text;
  }

  get cuts(): number {
    return this.#cuts;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #carry(client: Socket, server: Socket): void {
    let isAsked = false;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on("data", (bytes) => {
      if (this.#text !== undefined && bytes.includes(this.#text)) {
        this.#text = undefined;
        isAsked = true;
      }
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (!isAsked) return void client.write(bytes);
      this.#cuts += 1;
      client.destroy();
      return undefined;
    });
  }
}
