import { jcs } from "../domain/ledger/jcs.ts";
import type { Ledger } from "../domain/ledger/ledger.ts";
import { SERVICE_STREAM } from "../domain/events.ts";
import type { Context, Idempotency } from "../domain/shared/actor.ts";
import type { Digest } from "../domain/shared/digest.ts";
import { Conflict, InvalidInput } from "../domain/shared/errors.ts";
import type { Json } from "../domain/shared/json.ts";
import type { RecordedEvent } from "../domain/events.ts";
import type { WholeAnswer } from "./route.ts";

const KEY = /^[\x20-\x7e]{1,255}$/;

/** A POST that carries an Idempotency-Key. */
export interface Repeatable {
  readonly path: string;
  readonly key: string;
  readonly body: { readonly [member: string]: unknown };
  readonly context: Context;
  /** Members of the answer's body that must not be stored. */
  readonly secretMembers: readonly string[];
  /** Does the work. */
  run(context: Context): Promise<WholeAnswer>;
  /** The present answer for what a first request began, whose own answer was lost. */
  recover(first: RecordedEvent): Promise<WholeAnswer | undefined>;
}

/** The client's key, or undefined. Errors: InvalidInput idempotency-key-invalid. */
export function idempotencyKeyOf(
  header: string | readonly string[] | undefined,
): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && KEY.test(header)) return header;
  throw new InvalidInput(
    "idempotency-key-invalid",
    "The Idempotency-Key must be 1 to 255 printable ASCII characters",
    { hint: "Send a fresh UUID for each thing you want done" },
  );
}

/**
 * Answers repeated requests with the first one's answer. The key is remembered by the first append
 * of the command itself, in its transaction: however a process dies, a key is known exactly if its
 * command took effect.
 */
export class IdempotentRequests {
  readonly #ledger: Ledger;
  readonly #digest: Digest;
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(ledger: Ledger, digest: Digest) {
    this.#ledger = ledger;
    this.#digest = digest;
  }

  /** Errors: Conflict idempotency-key-reused, idempotency-answer-lost, and those of the command. */
  async answer(request: Repeatable): Promise<WholeAnswer> {
    const { path, key, body, context } = request;
    const text = withoutPasswords(
      `POST\n${path}\n${jcs(body as { readonly [member: string]: Json })}`,
    );
    const idempotency: Idempotency = {
      key: `${context.actor.id}:${key}`,
      requestHash: this.#digest.ofText(text),
    };
    // A duplicate in flight waits: afterwards the first is remembered, or failed and may be tried.
    for (;;) {
      const running = this.#running.get(idempotency.key);
      if (running === undefined) break;
      await running;
    }
    const work = this.#answer(request, idempotency);
    // The waiting ones only need to know that it is over; the error belongs to the first caller.
    const over = work.then(
      () => undefined,
      () => undefined,
    );
    this.#running.set(idempotency.key, over);
    try {
      return await work;
    } finally {
      this.#running.delete(idempotency.key);
    }
  }

  async #answer(request: Repeatable, idempotency: Idempotency): Promise<WholeAnswer> {
    const known = await this.#ledger.remembered(idempotency.key);
    if (known === undefined) return this.#first(request, idempotency);
    if (known.requestHash !== idempotency.requestHash) throw reused();
    if (known.answer !== undefined) return replay(known.answer);
    const answer = await this.#recovered(request, known.firstIndex);
    await this.#remember(request, idempotency, answer);
    return { ...answer, headers: { ...answer.headers, "Idempotent-Replay": "true" } };
  }

  async #first(request: Repeatable, idempotency: Idempotency): Promise<WholeAnswer> {
    const context = { ...request.context, idempotency };
    const answer = await request.run(context);
    if (answer.status >= 300) return answer;
    if ((await this.#ledger.remembered(idempotency.key)) === undefined)
      await this.#ledger.append({ stream: SERVICE_STREAM, expected: "any", events: [], context });
    await this.#remember(request, idempotency, answer);
    return answer;
  }

  /** Without a first event nothing was changed: the command is computed anew. */
  async #recovered(request: Repeatable, firstIndex: number | null): Promise<WholeAnswer> {
    if (firstIndex === null) return request.run(request.context);
    for await (const event of this.#ledger.readAll(firstIndex)) {
      const answer = await request.recover(event);
      if (answer !== undefined) return answer;
      break;
    }
    throw new Conflict(
      "idempotency-answer-lost",
      "The first request under this key took effect, but its answer was lost",
      { hint: "Look at the resource it created or changed; do not send it under a new key" },
    );
  }

  async #remember(
    request: Repeatable,
    idempotency: Idempotency,
    answer: WholeAnswer,
  ): Promise<void> {
    const location = answer.headers?.["Location"];
    const stored: StoredAnswer = {
      status: answer.status,
      body: without(answer.body, request.secretMembers),
      ...(location === undefined ? {} : { location }),
    };
    await this.#ledger.rememberAnswer(idempotency.key, JSON.stringify(stored));
  }
}

interface StoredAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly location?: string;
}

function replay(text: string): WholeAnswer {
  const { status, body, location } = JSON.parse(text) as StoredAnswer;
  return {
    status,
    ...(body === undefined ? {} : { body }),
    headers: {
      "Idempotent-Replay": "true",
      ...(location === undefined ? {} : { Location: location }),
    },
  };
}

function without(body: unknown, members: readonly string[]): unknown {
  if (members.length === 0 || typeof body !== "object" || body === null) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !members.includes(name)));
}

/** The digest of a request is kept: nobody shall try passwords on it. */
const withoutPasswords = (text: string): string =>
  text
    .replaceAll(/(postgres(?:ql)?:\/\/[^:@/"\s]*):[^@"\s]*@/gi, "$1@")
    .replaceAll(/([?&]password=)[^&"\s]*/gi, "$1");

const reused = (): Conflict =>
  new Conflict("idempotency-key-reused", "The Idempotency-Key was used for another request", {
    hint: "Use a fresh key for each new request; repeat a request unchanged under its key",
  });
