import type { Ledger } from "../../domain/ledger/ledger.ts";
import type { Clock } from "../../domain/shared/clock.ts";
import type { Projection } from "../../domain/state/projection.ts";
import type { Metrics } from "../../infra/telemetry/metrics.ts";
import { EventCounter } from "./count-events.ts";
import type { Readiness } from "./readiness.ts";
import { showState } from "./show-state.ts";

export interface MonitorParts {
  readonly projection: Projection;
  readonly ledger: Pick<Ledger, "newestCheckpoint">;
  readonly clock: Clock;
  /** The executor processes there are. */
  readonly children: () => readonly { readonly state: string }[];
  /** How many of them died so far, by problem code. */
  readonly deaths: () => ReadonlyMap<string, number>;
  /** Since when something outside lags behind the ledger. */
  readonly unanchored: () => string | undefined;
  /** When each of what is outside took a checkpoint last, RFC 3339, by name. */
  readonly anchors: () => ReadonlyMap<string, string>;
  /** Jobs on a database that wait for the one before them. */
  readonly waiting: (databaseId: string) => number;
  /** Of a server that only reads: how far it is behind the writer. */
  readonly reader: () => { readonly lookedAgo: number; readonly size: number } | undefined;
  readonly readiness: Pick<Readiness, "look">;
  /** Loaded at the first request: most processes are never asked. */
  readonly load: () => Promise<Metrics>;
}

/** One request that was answered. */
export interface Answered {
  /** The route's id; `none` where no route was found. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

/** What the service says of itself for Prometheus. */
export class Monitor {
  readonly #parts: MonitorParts;
  #metrics: Metrics | undefined;
  #unfollow: () => void = () => {};
  /** The newest checkpoint, and when it was first seen here, ms. */
  #checkpoint = { size: -1, seen: 0 };

  constructor(parts: MonitorParts) {
    this.#parts = parts;
  }

  /** Counts from here on. */
  async start(): Promise<void> {
    const { projection, load } = this.#parts;
    const metrics = await load();
    const nameOf = {
      database: (id: string) => projection.state.databases.get(id)?.name ?? "",
      schedule: (id: string) => projection.state.schedules.get(id)?.schedule.name ?? "",
      target: (id: string) => projection.state.alertTargets.get(id)?.settings.name ?? "",
    };
    const counter = new EventCounter(metrics, nameOf);
    this.#unfollow = projection.onChange((events) => {
      counter.count(events);
      this.#checkpointAge();
    });
    this.#checkpointAge();
    this.#metrics = metrics;
  }

  stop(): void {
    this.#unfollow();
  }

  answered({ seconds, status, ...labels }: Answered): void {
    this.#metrics?.requestSeconds.observe({ ...labels, status: String(status) }, seconds);
  }

  /** A request was refused because there were too many. */
  limited(code: string): void {
    this.#metrics?.limited.inc({ code });
  }

  /** The exposition in Prometheus' text format, and its content type. */
  async exposition(): Promise<{ readonly text: string; readonly type: string }> {
    if (this.#metrics === undefined) await this.start();
    const metrics = this.#metrics!;
    const { projection, ledger, clock, children, deaths, unanchored, waiting } = this.#parts;
    const { state } = projection;
    const now = Date.parse(clock.now());
    showState(metrics, state, now, waiting);
    const since = unanchored();
    metrics.anchorsBehind.set(
      since === undefined ? 0 : Math.max(0, now - Date.parse(since)) / 1000,
    );
    metrics.checkpointLag.set(state.size - (ledger.newestCheckpoint()?.size ?? 0));
    metrics.checkpointAge.set(this.#checkpointAge());
    this.#outside(metrics, now);
    await this.#health(metrics);
    metrics.executors.reset();
    for (const one of children()) metrics.executors.inc({ state: one.state });
    metrics.executorDeaths.reset();
    for (const [code, count] of deaths()) metrics.executorDeaths.inc({ code }, count);
    return { text: await metrics.registry.metrics(), type: metrics.registry.contentType };
  }

  #outside(metrics: Metrics, now: number): void {
    const { anchors, reader, projection } = this.#parts;
    metrics.anchorAge.reset();
    for (const [anchor, time] of anchors())
      metrics.anchorAge.set({ anchor }, Math.max(0, now - Date.parse(time)) / 1000);
    const reading = reader();
    if (reading === undefined) return;
    metrics.readerBehind.set(Math.max(0, reading.size - projection.state.size));
    metrics.readerLookAge.set(reading.lookedAgo / 1000);
  }

  async #health(metrics: Metrics): Promise<void> {
    const { checks } = await this.#parts.readiness.look();
    metrics.health.reset();
    for (const [check, { status }] of Object.entries(checks))
      metrics.health.set({ check }, ["ok", "degraded", "failed"].indexOf(status));
  }

  /** How long the newest checkpoint has been known here, seconds. */
  #checkpointAge(): number {
    const { ledger, clock } = this.#parts;
    const now = Date.parse(clock.now());
    const size = ledger.newestCheckpoint()?.size ?? 0;
    if (size !== this.#checkpoint.size) this.#checkpoint = { size, seen: now };
    return Math.max(0, now - this.#checkpoint.seen) / 1000;
  }
}
