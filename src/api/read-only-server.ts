import { randomUUID } from "node:crypto";
import type { Express } from "express";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describeError, type Log } from "../infra/telemetry/logger.ts";
import { Unavailable } from "../domain/shared/errors.ts";
import { createApp } from "./app.ts";
import { Closers } from "./closers.ts";
import type { Config } from "./config.ts";
import { openReadOnlyCore, type ReadOnlyCore } from "./read-only-core.ts";
import { problemOf, PROBLEM_TYPE } from "./problem.ts";
import { startServer } from "./server.ts";
import * as t from "./tokens.ts";

export interface ReadOnlyServer {
  readonly url: string;
  /** Idempotent. */
  close(): Promise<void>;
}

/** What is open at one time, and the application over it. */
interface Generation {
  readonly core: ReadOnlyCore;
  readonly app: Express;
  readonly closers: Closers;
}

/** How often it looks whether what is open still stands, ms; each request looks, too. */
const LOOK_EVERY = 500;

/**
 * Serves what can be read of a data directory that another process writes, or nobody. When the files
 * are no longer what was opened, everything is opened anew behind the same address; requests wait.
 */
export async function startReadOnlyServer(config: Config, log: Log): Promise<ReadOnlyServer> {
  const reader = new Reader(config, log);
  await reader.current();
  const server = await startServer(
    (request, response) => void reader.answer(request, response),
    config,
    {
      stop: () => reader.stop(),
      report: (error) =>
        reader.tell("The changed certificate cannot be used; the one before goes on", error),
    },
  );
  return {
    url: server.url,
    close: async () => {
      await server.close();
      await reader.close();
    },
  };
}

class Reader {
  readonly #config: Config;
  readonly #log: Log;
  #generation: Generation | undefined;
  #opening: Promise<Generation> | undefined;
  #timer: NodeJS.Timeout;

  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#timer = setInterval(() => {
      this.current().catch((error: unknown) => this.#report(error));
    }, LOOK_EVERY).unref();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let generation: Generation;
    try {
      generation = await this.current();
    } catch (error) {
      this.#report(error);
      return unavailable(request, response);
    }
    generation.app(request, response);
  }

  /** What is open and stands. */
  async current(): Promise<Generation> {
    const generation = this.#generation;
    if (generation !== undefined && !generation.core.isOutdated()) return generation;
    this.#opening ??= this.#open(generation).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Streams and waits end. */
  stop(): void {
    clearInterval(this.#timer);
    this.#generation?.core.stopping.abort();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#opening?.catch(() => undefined);
    await this.#generation?.closers.close();
  }

  /** What was open ends first: not even a page of it may be read any more. */
  async #open(before: Generation | undefined): Promise<Generation> {
    this.#generation = undefined;
    before?.core.stopping.abort();
    await before?.closers.close();
    const closers = new Closers();
    try {
      const core = await openReadOnlyCore(this.#config, this.#log, closers);
      const services = core.container.resolve(t.SERVICES);
      await services.monitor.start();
      closers.add(async () => services.monitor.stop());
      this.#generation = {
        core,
        closers,
        app: createApp(services, { ...this.#config, readOnly: true }),
      };
      return this.#generation;
    } catch (error) {
      await closers.close();
      throw error;
    }
  }

  tell(message: string, error: unknown): void {
    this.#log({ level: "error", message, ...describeError(error) });
  }

  #report(error: unknown): void {
    this.tell("The ledger cannot be opened to be read", error);
  }
}

/** While there is nothing to read: the next look may find it. */
function unavailable({ url = "/" }: IncomingMessage, response: ServerResponse): void {
  const error = new Unavailable("ledger-unreadable", "The ledger cannot be read now", {
    hint: "Try again in a moment; the log of this server says why",
  });
  const { problem, headers } = problemOf(error, randomUUID(), url.split("?", 1)[0]!);
  response
    .writeHead(problem.status, { ...headers, "Content-Type": PROBLEM_TYPE, "Retry-After": "1" })
    .end(JSON.stringify(problem));
}
