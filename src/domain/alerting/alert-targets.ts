import { SERVICE_STREAM, type DomainEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { Conflict, failureOf, InvalidInput, NotFound, type Failure } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { LedgerState } from "../state/state.ts";
import type { TargetSettings } from "./events.ts";
import type { AlertMessage, Notifier, TargetAddress, TargetSecrets } from "./notifier.ts";
import type { AlertTargetState } from "./target-state.ts";

export interface AlertTargetsParts {
  readonly ledger: Ledger;
  readonly projection: { readonly state: LedgerState };
  readonly secrets: TargetSecrets;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** A target as it is wanted. */
export interface WantedTarget extends Omit<TargetSettings, "secretId" | "kind" | "databases"> {
  readonly address: TargetAddress;
  /** Names or ids. */
  readonly databases?: readonly string[];
}

/** What became of a test. */
export interface Tested {
  readonly delivered: boolean;
  readonly error: Failure | null;
  readonly durationMs: number;
}

const MOST = 50;

/** Where alerts are sent. Addresses are kept outside the ledger, which has only where they lead. */
export class AlertTargets {
  readonly #parts: AlertTargetsParts;
  /** Commands one after another: each decides on what the one before has recorded. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: AlertTargetsParts) {
    this.#parts = parts;
  }

  list(): readonly AlertTargetState[] {
    return [...this.#targets.values()];
  }

  /** By id or name. Error: NotFound alert-target-not-found. */
  find(key: string): AlertTargetState {
    const found =
      this.#targets.get(key) ?? this.list().find(({ settings }) => settings.name === key);
    if (found !== undefined) return found;
    throw new NotFound("alert-target-not-found", `There is no alert target ${key}`, {
      hint: "GET /v1/alert-targets lists them",
    });
  }

  /** Errors: Conflict alert-target-name-taken | alert-targets-too-many · those of `#settings`. */
  add(wanted: WantedTarget, context: Context): Promise<AlertTargetState> {
    return this.#inTurn(async () => {
      if (this.#targets.size >= MOST)
        throw new Conflict("alert-targets-too-many", `There are ${MOST} targets already`, {
          hint: "Remove one first",
        });
      const settings = this.#settings(wanted);
      const targetId = this.#parts.ids.uuid();
      // The address first: a target without one could not be told of anything.
      await this.#keep(settings, wanted.address);
      await this.#record({ type: "AlertTargetAdded", data: { targetId, ...settings } }, context);
      return this.find(targetId);
    });
  }

  /** `change` gets what it is now. What waits for the target is tried at once. */
  change(
    key: string,
    change: (now: TargetSettings, address: TargetAddress | undefined) => WantedTarget,
    context: Context,
  ): Promise<AlertTargetState> {
    return this.#inTurn(async () => {
      const { id: targetId, settings: now } = this.find(key);
      const wanted = change(now, await this.#parts.secrets.find(now.secretId));
      const settings = this.#settings(wanted, targetId);
      await this.#keep(settings, wanted.address);
      await this.#record({ type: "AlertTargetChanged", data: { targetId, ...settings } }, context);
      await this.tidy();
      return this.find(targetId);
    });
  }

  /** What waits for it is not sent any more. */
  remove(key: string, reason: string, context: Context): Promise<void> {
    return this.#inTurn(async () => {
      const { id: targetId } = this.find(key);
      await this.#record({ type: "AlertTargetRemoved", data: { targetId, reason } }, context);
      await this.tidy();
    });
  }

  /** Sends a message now, past the queue, and records what became of it. */
  async test(key: string, context: Context): Promise<Tested> {
    const { notifier, clock, ids, ledger } = this.#parts;
    const target = this.find(key);
    const id = ids.uuid();
    const message: AlertMessage = {
      id,
      time: clock.now(),
      index: null,
      origin: ledger.origin,
      database: null,
      alert: {
        alertId: `test:${id}`,
        code: "test",
        severity: "info",
        message: "This is a test: alerts arrive here",
      },
    };
    const began = clock.elapsed();
    const error = await notifier.send(target, message).then(() => null, failureOf);
    const durationMs = Math.round(clock.elapsed() - began);
    const delivered = error === null;
    const data = { targetId: target.id, delivered, durationMs, ...(error && { error }) };
    await this.#record({ type: "AlertTargetTested", data }, context);
    return { delivered, error, durationMs };
  }

  /**
   * Dead letters are sent again, behind what waits; all of them if none is named. Error: NotFound
   * alert-not-dead.
   */
  replay(
    key: string,
    { alerts, reason }: { readonly alerts?: readonly number[]; readonly reason?: string },
    context: Context,
  ): Promise<AlertTargetState> {
    return this.#inTurn(async () => {
      const { id: targetId, dead } = this.find(key);
      const there = dead.map(({ alert }) => alert);
      const missing = (alerts ?? []).find((alert) => !there.includes(alert));
      if (missing !== undefined)
        throw new NotFound("alert-not-dead", `Alert ${missing} is not among the dead letters`, {
          hint: `GET /v1/alert-targets/${targetId}/dead-letters lists them`,
        });
      const wanted = alerts === undefined ? there : there.filter((one) => alerts.includes(one));
      if (wanted.length > 0) {
        const why = reason === undefined ? {} : { reason };
        const data = { targetId, alerts: wanted, ...why };
        await this.#record({ type: "AlertReplayed", data }, context);
      }
      return this.find(targetId);
    });
  }

  /** Forgets addresses that no target has: what a crash or a change has left. */
  async tidy(): Promise<void> {
    await this.#parts.secrets.keepOnly(new Set(this.list().map((one) => one.settings.secretId)));
  }

  async #keep({ secretId, privateAddresses }: TargetSettings, kept: TargetAddress): Promise<void> {
    const { privateAddresses: _before, ...address } = kept;
    const whole = { ...address, ...(privateAddresses && { privateAddresses }) };
    await this.#parts.secrets.put(secretId, whole);
  }

  /** Errors: Conflict alert-target-name-taken · InvalidInput alert-database-unknown. */
  #settings({ address, databases, ...rest }: WantedTarget, own?: string): TargetSettings {
    if (this.list().some(({ id, settings }) => settings.name === rest.name && id !== own))
      throw new Conflict("alert-target-name-taken", `A target is named ${rest.name} already`, {
        hint: "Choose another name, or change that one",
      });
    return {
      ...rest,
      kind: address.kind,
      secretId: this.#parts.ids.uuid(),
      ...(databases && {
        databases: [...new Set(databases.map((name) => this.#databaseId(name)))],
      }),
    };
  }

  #databaseId(name: string): string {
    const { databaseIds, databases } = this.#parts.projection.state;
    const id = databaseIds.get(name) ?? name;
    if (databases.has(id)) return id;
    throw new InvalidInput("alert-database-unknown", `No database is registered as ${name}`, {
      hint: "Register the database first",
    });
  }

  get #targets(): LedgerState["alertTargets"] {
    return this.#parts.projection.state.alertTargets;
  }

  async #record(event: DomainEvent, context: Context): Promise<void> {
    await this.#parts.ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      events: [event],
      context,
    });
  }

  #inTurn<T>(command: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(command);
    // Whoever asked hears of its failure; the next one does not.
    this.#turn = done.catch(() => {});
    return done;
  }
}
