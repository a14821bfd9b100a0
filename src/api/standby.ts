import { createApp } from "./app.ts";
import { Closers } from "./closers.ts";
import type { Config } from "./config.ts";
import { openStandbyCore } from "./embedded.ts";
import type { LeaseHolder } from "../infra/postgres/ledger/work-lease.ts";
import { failureOf } from "../domain/shared/errors.ts";
import { describeError, type Log } from "../infra/telemetry/logger.ts";
import { startServer, type Patience } from "./server.ts";

/**
 * What a service does while another one works with its ledger: it answers what is asked of the history,
 * current to the moment, and names the one that works to whoever wants anything done. It is not ready
 * in the sense of a load balancer.
 */
export class Standby {
  readonly #config: Config;
  readonly #log: Log;
  readonly #patience: Partial<Patience> | undefined;
  #closers: Closers | undefined;
  #worker: LeaseHolder | undefined;

  constructor(config: Config, log: Log, patience?: Partial<Patience>) {
    this.#config = config;
    this.#log = log;
    this.#patience = patience;
  }

  async show(worker: LeaseHolder): Promise<void> {
    this.#worker = worker;
    const { holder, url } = worker;
    this.#log({ level: "info", message: "Another service works; this one stands by", holder, url });
    if (this.#closers !== undefined) return;
    const closers = new Closers();
    this.#closers = closers;
    try {
      await this.#start(closers);
    } catch (error) {
      this.#closers = undefined;
      await closers.close();
      // At the very first start the keys are made by the one that works: until it says where it is.
      if (failureOf(error).code !== "key-files-missing" || url !== null) throw error;
    }
  }

  /** The place is free for whoever works then. */
  async end(): Promise<void> {
    await this.#closers?.close();
    this.#closers = undefined;
  }

  async #start(closers: Closers): Promise<void> {
    const log = this.#log;
    const { services, stopping } = await openStandbyCore(this.#config, log, closers);
    const app = createApp(services, {
      ...this.#config,
      readOnly: true,
      worker: () => this.#worker?.url ?? null,
    });
    const server = await startServer(app, this.#config, {
      stop: () => stopping.abort(),
      report: (error) =>
        log({
          level: "error",
          message: "The changed certificate cannot be used; the one before goes on",
          ...describeError(error),
        }),
      ...(this.#patience === undefined ? {} : { patience: this.#patience }),
    });
    closers.add(() => server.close());
    log({ level: "info", message: "The service stands by", url: server.url });
  }
}
