import {
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** A request on its way. */
export interface Asked {
  readonly method: string;
  /** Path with its query. */
  readonly url: string;
  /** How many of its method and path came before. */
  readonly before: number;
}

/** What happens to a request in place of going through. */
export type Mishap =
  /** The service is said to have answered so. */
  | { readonly kind: "answer"; readonly status: number; readonly code: string }
  /** The connection breaks after so many bytes of what is sent. */
  | { readonly kind: "cut-request"; readonly after: number }
  /** It is carried out, and nobody hears of it. */
  | { readonly kind: "lose-answer" }
  /** The connection breaks after so many bytes of the answer's body. */
  | { readonly kind: "cut-answer"; readonly after: number }
  | { readonly kind: "flip-bit"; readonly at: number }
  | { readonly kind: "empty-answer" }
  /** A few bytes a second. */
  | { readonly kind: "drip" }
  | { readonly kind: "hang" }
  /** Without the service's time. */
  | { readonly kind: "no-date" }
  /** A listing lacks these keys. */
  | { readonly kind: "hide"; readonly isHidden: (key: string) => boolean };

interface Whole {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

const DRIP_MS = 50;

/** Lies between a test and the object service, and does to requests what the test says. */
export class MishapProxy {
  /** Undefined: it goes through. */
  rule: (asked: Asked) => Mishap | undefined = () => undefined;
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((incoming, outgoing) => {
      // What breaks here is what is tested.
      this.#handle(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  /** `port`: the service's, on loopback. */
  static async before({ port }: { readonly port: number }): Promise<MishapProxy> {
    const proxy = new MishapProxy(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "", url = "" } = incoming;
    const before = this.asked.filter((one) => one.method === method && one.url === url).length;
    const asked = { method, url, before };
    this.asked.push(asked);
    const mishap = this.rule(asked);
    if (mishap?.kind === "hang") return;
    if (mishap?.kind === "cut-request") {
      await takeSome(incoming, mishap.after);
      incoming.socket.destroy();
      return;
    }
    const sent = await whole(incoming);
    if (mishap?.kind === "answer") {
      outgoing.writeHead(mishap.status, { "content-type": "application/xml" });
      outgoing.end(`<?xml version="1.0"?><Error><Code>${mishap.code}</Code></Error>`);
      return;
    }
    const answer = await this.#forward(incoming, sent);
    if (mishap === undefined) send(outgoing, answer, method);
    else await suffer(mishap, outgoing, answer, method);
  }

  #forward({ method, url, headers }: IncomingMessage, body: Buffer): Promise<Whole> {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: this.#port, method, path: url, headers };
      const forwarded = request({ ...options, agent: false }, (answer) => {
        whole(answer).then(
          (content) =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: content }),
          reject,
        );
      });
      forwarded.once("error", reject);
      forwarded.end(body);
    });
  }
}

async function suffer(
  mishap: Mishap,
  outgoing: ServerResponse,
  answer: Whole,
  method: string,
): Promise<void> {
  const { status, headers, body } = answer;
  switch (mishap.kind) {
    case "lose-answer":
      outgoing.destroy();
      return;
    case "cut-answer":
      outgoing.writeHead(status, headers);
      outgoing.write(body.subarray(0, mishap.after), () => outgoing.destroy());
      return;
    case "flip-bit": {
      const changed = Buffer.from(body);
      if (mishap.at < changed.length) changed[mishap.at]! ^= 4;
      send(outgoing, { ...answer, body: changed }, method);
      return;
    }
    case "empty-answer":
      send(outgoing, { ...answer, body: Buffer.alloc(0) }, method);
      return;
    case "drip":
      outgoing.writeHead(status, headers);
      for (let at = 0; at < body.length && !outgoing.destroyed; at += 1) {
        outgoing.write(body.subarray(at, at + 1));
        await new Promise((resolve) => setTimeout(resolve, DRIP_MS));
      }
      outgoing.end();
      return;
    case "no-date": {
      outgoing.sendDate = false;
      const { date: _, ...others } = headers;
      send(outgoing, { ...answer, headers: others }, method);
      return;
    }
    case "hide":
      send(outgoing, { ...answer, body: without(body, mishap.isHidden) }, method);
      return;
    case "answer":
    case "cut-request":
    case "hang":
      throw new Error("That has been seen to");
  }
}

function send(outgoing: ServerResponse, { status, headers, body }: Whole, method: string): void {
  const { "transfer-encoding": _, ...others } = headers;
  const length = method === "HEAD" ? {} : { "content-length": String(body.length) };
  outgoing.writeHead(status, { ...others, ...length });
  outgoing.end(body);
}

/** A listing without some of its keys. */
const without = (body: Buffer, isHidden: (key: string) => boolean): Buffer =>
  Buffer.from(
    body
      .toString("utf8")
      .replaceAll(/<Contents><Key>([^<]*)<\/Key>.*?<\/Contents>/gs, (entry, key: string) =>
        isHidden(key) ? "" : entry,
      ),
  );

async function whole(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function takeSome(stream: AsyncIterable<Buffer>, bytes: number): Promise<void> {
  let taken = 0;
  if (bytes === 0) return;
  for await (const piece of stream) {
    taken += piece.length;
    if (taken >= bytes) return;
  }
}
