import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** A request that was received whole. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether it was answered with 2xx. */
  readonly taken: boolean;
}

/** What a receiver does with one request. Nothing is answered if it does not. */
export type Behaviour = (response: ServerResponse, nth: number) => void;

export const ok: Behaviour = (response) => response.writeHead(204).end();
export const answers =
  (status: number, headers: { readonly [name: string]: string } = {}): Behaviour =>
  (response) =>
    response.writeHead(status, { ...headers }).end("no");

/** A web server that takes alerts, or does not. */
export class AlertReceiver {
  readonly received: Received[] = [];
  behaviour: Behaviour = ok;
  #server: Server | undefined;
  #port = 0;
  #waiting: (() => void)[] = [];

  static async start(): Promise<AlertReceiver> {
    const receiver = new AlertReceiver();
    await receiver.up();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook?token=of-the-url`;
  }

  /** Listens, after `down` on the same port. */
  async up(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const nth = this.received.length;
        this.behaviour(response, nth);
        const taken = response.headersSent && response.statusCode < 300;
        const body = Buffer.concat(chunks).toString("utf8");
        this.received.push({ path: request.url!, headers: request.headers, body, taken });
        for (const wake of this.#waiting.splice(0)) wake();
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Is gone at once, with every connection. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** Until so many requests were received in all. */
  async until(count: number): Promise<readonly Received[]> {
    while (this.received.length < count)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.received;
  }
}
