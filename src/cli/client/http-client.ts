import { randomUUID } from "node:crypto";
import { InvalidInput, Refused, Unavailable } from "../../domain/shared/errors.ts";
import { TOOL_VERSION } from "../../api/version.ts";
import { decoded, type Client, type Query } from "./client.ts";
import { errorOfProblem } from "./remote-error.ts";

const REPEATABLE = new Set(["GET", "POST"]);

const TOKEN = /^[\w.~+/=-]{1,512}$/;

/** A running service, over HTTP. Each POST carries an idempotency key of its own. */
export class HttpClient implements Client {
  readonly place: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.place = url;
    this.#token = token;
  }

  /** Errors: InvalidInput server-url-invalid; Refused token-missing. */
  static open(server: string, token: string | undefined): HttpClient {
    const url = URL.canParse(server) ? new URL(server) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "")
      throw new InvalidInput("server-url-invalid", "--server is not the URL of a service", {
        hint: "Give it like http://127.0.0.1:7447; the key goes into SCHEMALEDGER_TOKEN",
      });
    if (token === undefined || !TOKEN.test(token.trim()))
      throw new Refused("token-missing", `There is no API key for ${url.origin}`, {
        hint: "Put it into SCHEMALEDGER_TOKEN",
      });
    return new HttpClient(url.origin + url.pathname.replace(/\/$/, ""), token.trim());
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#json<T>(path + search(query), { method: "GET" });
  }

  post<T>(path: string, body: object): Promise<T> {
    return this.#json<T>(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", "idempotency-key": randomUUID() },
    });
  }

  patch<T>(path: string, body: object): Promise<T> {
    return this.#json<T>(path, {
      method: "PATCH",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  }

  async delete(path: string, query: Query = {}): Promise<void> {
    await (await this.#fetch(path + search(query), { method: "DELETE" })).arrayBuffer();
  }

  async *stream(path: string, accept: string, query: Query = {}): AsyncIterable<string> {
    const answer = await this.#fetch(path + search(query), {
      method: "GET",
      headers: { accept },
    });
    yield* decoded(this.#bodyOf(answer));
  }

  async *download(path: string, query: Query = {}): AsyncIterable<Uint8Array> {
    yield* this.#bodyOf(await this.#fetch(path + search(query), { method: "GET" }));
  }

  async close(): Promise<void> {}

  /** Error: Unavailable answer-broken-off, when it ends before its end. */
  async *#bodyOf(answer: Response): AsyncIterable<Uint8Array> {
    try {
      yield* answer.body ?? [];
    } catch (error) {
      throw new Unavailable(
        "answer-broken-off",
        `The service at ${this.place} broke its answer off: what was received is not all of it`,
        { hint: "Ask again", details: { cause: causeOf(error).code ?? null } },
      );
    }
  }

  async #json<T>(path: string, request: RequestInit): Promise<T> {
    const text = await (await this.#fetch(path, request)).text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async #fetch(path: string, request: RequestInit): Promise<Response> {
    const headers = {
      "user-agent": `schemaledger/${TOOL_VERSION}`,
      ...(request.headers as { readonly [name: string]: string } | undefined),
      authorization: `Bearer ${this.#token}`,
    };
    const answer = await this.#reach(path, { ...request, headers, redirect: "error" });
    if (answer.ok) return answer;
    throw errorOfProblem(answer.status, await answer.text(), this.place);
  }

  /** A connection that broke is tried once more where that is safe: POSTs carry a key for it. */
  async #reach(path: string, request: RequestInit): Promise<Response> {
    try {
      return await fetch(this.place + path, request);
    } catch (first) {
      if (!isReset(first) || !REPEATABLE.has(request.method ?? "GET"))
        throw unreachable(this.place, first);
      try {
        return await fetch(this.place + path, request);
      } catch (second) {
        throw unreachable(this.place, second);
      }
    }
  }
}

/** `?a=1&b=2`, or nothing. */
export function search(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return "";
  const pairs = given.map(([name, value]): [string, string] => [name, String(value)]);
  return `?${new URLSearchParams(pairs).toString()}`;
}

const causeOf = (error: unknown): { readonly code?: string; readonly message?: string } =>
  ((error as Error).cause ?? error) as { readonly code?: string; readonly message?: string };

const isReset = (error: unknown): boolean =>
  ["ECONNRESET", "UND_ERR_SOCKET", "EPIPE"].includes(causeOf(error).code ?? "");

function unreachable(place: string, error: unknown): Unavailable {
  const { code, message } = causeOf(error);
  return new Unavailable(
    "server-unreachable",
    `The service at ${place} cannot be reached: ${message || code || "no connection"}`,
    { hint: "See that it runs (schemaledger serve) and that --server is its address" },
  );
}
