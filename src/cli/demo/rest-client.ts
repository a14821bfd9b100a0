/** Any JSON answer. */
export interface Answer {
  readonly [key: string]: unknown;
}

/** Talks to the service as a pipeline would: bearer token, JSON, long poll. */
export class RestClient {
  readonly url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  async get(path: string): Promise<Answer> {
    return (await this.#send("GET", path)).json() as Promise<Answer>;
  }

  async text(path: string): Promise<string> {
    return (await this.#send("GET", path)).text();
  }

  async post(path: string, body: object = {}): Promise<Answer> {
    return (await this.#send("POST", path, body)).json() as Promise<Answer>;
  }

  /** Asks until `done` holds; gives up after a minute. */
  async until(path: string, done: (answer: Answer) => boolean): Promise<Answer> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const answer = await this.get(path);
      if (done(answer)) return answer;
      if (Date.now() > deadline) throw new Error(`${path} did not end within a minute`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #send(method: string, path: string, body?: object): Promise<Response> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    const problem = (await response.json()) as { readonly code: string; readonly detail: string };
    throw new Error(
      `${method} ${path} answered ${response.status} ${problem.code}: ${problem.detail}`,
    );
  }
}
