import { setTimeout as delay } from "node:timers/promises";

/** Any JSON object. */
export interface Json {
  readonly [member: string]: unknown;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** An event as the audit history shows it. */
export interface AuditEvent {
  readonly id: string;
  readonly index: number;
  readonly type: string;
  readonly stream: string;
  readonly runId?: string;
  readonly data: Json;
}

export interface RunView {
  readonly id: string;
  readonly status: string;
  readonly outcome: string | null;
  readonly error: { readonly code: string; readonly hint?: string } | null;
  readonly steps: readonly { readonly version: string; readonly status: string }[];
}

export interface DatabaseView {
  readonly name: string;
  readonly status: string;
  readonly version: string | null;
  readonly fingerprint: string;
  readonly url: string;
  readonly quarantine: { readonly code: string; readonly hint: string } | null;
  readonly lastRun: {
    readonly status: string;
    readonly error: { readonly code: string; readonly hint?: string } | null;
  } | null;
}

/** Talks to a service that may die at any moment. */
export class Api {
  readonly url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  get<T = Json>(path: string): Promise<Answer<T>> {
    return this.#send<T>("GET", path);
  }

  post<T = Json>(path: string, body: Json = {}, headers: Json = {}): Promise<Answer<T>> {
    return this.#send<T>("POST", path, body, headers);
  }

  patch<T = Json>(path: string, body: Json): Promise<Answer<T>> {
    return this.#send<T>("PATCH", path, body);
  }

  /** The body of a request that must succeed. */
  async need<T = Json>(answer: Promise<Answer<T>>): Promise<T> {
    const { status, body } = await answer;
    if (status >= 200 && status < 300) return body;
    throw new Error(`Answered ${status}: ${JSON.stringify(body)}`);
  }

  /** Starts a run (`runs`) or a roll back (`rollbacks`) and waits for its end. */
  async run(database: string, body: Json = {}, kind = "runs"): Promise<RunView> {
    const { id } = await this.need(this.post<RunView>(`/v1/databases/${database}/${kind}`, body));
    return this.ended(id);
  }

  async ended(runId: string): Promise<RunView> {
    return this.need(this.get<RunView>(`/v1/runs/${runId}?wait=30`));
  }

  /** Every event, in order. */
  async events(): Promise<AuditEvent[]> {
    const all: AuditEvent[] = [];
    for (;;) {
      const after = all.at(-1)?.index;
      const from = after === undefined ? "" : `&after=${after}`;
      const { items } = await this.need(
        this.get<{ items: AuditEvent[] }>(`/v1/audit/events?limit=1000${from}`),
      );
      all.push(...items);
      if (items.length < 1000) return all;
    }
  }

  /** Asks for the events until the condition holds; throws with the last ones if it never does. */
  async until(
    holds: (events: readonly AuditEvent[]) => boolean,
    ms = 30_000,
  ): Promise<AuditEvent[]> {
    const deadline = performance.now() + ms;
    for (;;) {
      const events = await this.events();
      if (holds(events)) return events;
      if (performance.now() > deadline)
        throw new Error(
          `It never came to it:\n${events
            .slice(-15)
            .map(({ index, type }) => `${index} ${type}`)
            .join("\n")}`,
        );
      await delay(25);
    }
  }

  async #send<T>(
    method: string,
    path: string,
    body?: Json,
    headers: Json = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        connection: "close",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as T };
  }
}
