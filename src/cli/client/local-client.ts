import type { Embedded } from "../../api/embedded.ts";
import { LocalRequests } from "../../api/local-requests.ts";
import type { DownloadAnswer, Method, StreamAnswer, WholeAnswer } from "../../api/route.ts";
import { decoded, type Client, type Query } from "./client.ts";

/** The routes in this process, on a data directory. */
export class LocalClient implements Client {
  readonly place: string;
  readonly #embedded: Embedded;
  readonly #requests: LocalRequests;

  constructor(place: string, embedded: Embedded) {
    this.place = place;
    this.#embedded = embedded;
    this.#requests = new LocalRequests(embedded);
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#json<T>("get", path, query);
  }

  post<T>(path: string, body: object): Promise<T> {
    return this.#json<T>("post", path, {}, body);
  }

  patch<T>(path: string, body: object): Promise<T> {
    return this.#json<T>("patch", path, {}, body);
  }

  async delete(path: string, query: Query = {}): Promise<void> {
    await this.#json("delete", path, query);
  }

  async *stream(path: string, accept: string, query: Query = {}): AsyncIterable<string> {
    const members = texts(query);
    const answer = await this.#requests.answer({ method: "get", path, query: members, accept });
    if ("stream" in answer) yield* pieces(answer);
    else if ("chunks" in answer) yield* decoded(chunksOf(answer));
    else yield textOf(answer);
  }

  async *download(path: string, query: Query = {}): AsyncIterable<Uint8Array> {
    const members = texts(query);
    const answer = await this.#requests.answer({ method: "get", path, query: members });
    if (!("chunks" in answer)) throw new Error(`${path} is no download`);
    yield* chunksOf(answer);
  }

  close(): Promise<void> {
    return this.#embedded.close();
  }

  async #json<T>(method: Method, path: string, query: Query, body?: object): Promise<T> {
    const answer = await this.#requests.answer({
      method,
      path,
      query: texts(query),
      ...(body === undefined ? {} : { body: { ...body } }),
    });
    if (!("status" in answer)) throw new Error(`${path} is a stream`);
    // As over HTTP: members that are undefined are absent.
    return (
      answer.body === undefined && answer.text === undefined
        ? undefined
        : JSON.parse(textOf(answer))
    ) as T;
  }
}

/** Parameters as a URL carries them. */
function texts(query: Query): { [name: string]: string } {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

const textOf = (answer: WholeAnswer): string => {
  if (answer.bytes !== undefined) return Buffer.from(answer.bytes).toString("utf8");
  return answer.text ?? JSON.stringify(answer.body) ?? "";
};

async function* chunksOf(answer: DownloadAnswer): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of answer.chunks)
      yield typeof chunk === "string" ? Buffer.from(chunk, "utf8") : chunk;
  } finally {
    answer.release();
  }
}

/** What a stream writes, as it comes; leaving early closes it. */
async function* pieces(answer: StreamAnswer): AsyncIterable<string> {
  const waiting: string[] = [];
  let [isOver, wake, close] = [false, (): void => {}, (): void => {}];
  answer.stream({
    write: (text) => {
      waiting.push(text);
      wake();
      return !isOver;
    },
    end: () => {
      isOver = true;
      wake();
    },
    onClose: (listener) => {
      close = listener;
    },
  });
  try {
    for (;;) {
      yield* waiting.splice(0);
      if (isOver && waiting.length === 0) return;
      if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    isOver = true;
    close();
  }
}
