import { databaseStream, SERVICE_STREAM } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Ids } from "../shared/ids.ts";
import { concerning } from "../governance/words.ts";
import { emergencies } from "../state/undertaking.ts";
import { aboutOf } from "./about.ts";
import type { Projection } from "../state/projection.ts";
import type { LedgerState } from "../state/state.ts";
import { raiseOnce, type Unspoken } from "./raise.ts";
import { resolutions } from "./resolve.ts";

/** A trouble that no event speaks of: something did not happen in time. */
export interface Overdue extends Unspoken {
  /** RFC 3339: since when. It is said again each day while it lasts. */
  readonly since: string;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Copies outside the ledger that lag behind for so long are worth an alert, ms. */
const ANCHOR_PATIENCE = HOUR;

/** What is overdue now. `unanchored`: since when something outside lags behind the ledger. */
export function overdue(
  state: LedgerState,
  now: number,
  unanchored: string | undefined,
): readonly Overdue[] {
  const found: Overdue[] = [];
  for (const database of state.databases.values()) {
    const { id, name, retired, registered, policy, lastBackup } = database;
    const hours = policy.backupAlertHours;
    if (retired !== null || hours === undefined) continue;
    const newest = lastBackup === null ? undefined : state.backups.get(lastBackup);
    const since = Date.parse((newest?.started ?? registered).time) + hours * HOUR;
    if (since > now) continue;
    found.push({
      stream: databaseStream(id),
      since: new Date(since).toISOString(),
      alert: {
        alertId: `backup-too-old:${id}`,
        code: "backup-too-old",
        severity: "critical",
        message:
          newest === undefined
            ? `${name} has no verified backup`
            : `The newest verified backup of ${name} is of ${newest.started.time}, older than ${hours} hours`,
        hint: `POST /v1/databases/${name}/backups takes one now`,
        about: { kind: "database", id },
      },
    });
  }
  for (const one of emergencies(state))
    if (one.review === null && one.reviewBy !== null && Date.parse(one.reviewBy) <= now) {
      const { about, words, place } = aboutOf(concerning(one));
      const name = state.databases.get(one.databaseId)?.name ?? one.databaseId;
      found.push({
        stream: databaseStream(one.databaseId),
        since: one.reviewBy,
        alert: {
          alertId: `review:${one.id}`,
          code: "emergency-review-overdue",
          severity: "warning",
          message: `An emergency ${words} ${name} was not reviewed in time`,
          hint: `POST /v1/${place}/${one.id}/reviews by somebody who was not involved`,
          about,
        },
      });
    }
  if (unanchored !== undefined && now - Date.parse(unanchored) >= ANCHOR_PATIENCE)
    found.push({
      stream: SERVICE_STREAM,
      since: unanchored,
      alert: {
        alertId: "ledger-not-anchored",
        code: "ledger-not-anchored",
        severity: "critical",
        message: `What keeps the ledger's checkpoints outside of it lags behind since ${unanchored}`,
        hint: "The service's log says which witness, export or authority fails, and why",
        about: { kind: "ledger", id: "anchors" },
      },
    });
  return found;
}

/** Names one telling of a trouble: it is told once on each day that it lasts, also over restarts. */
export function onceKey({ alert, since }: Overdue, now: number): string {
  const day = Math.floor((now - Date.parse(since)) / DAY);
  return `${alert.alertId}:${since}:${day}`;
}

export interface WatchParts {
  readonly ledger: Ledger;
  readonly projection: Pick<Projection, "state" | "onChange">;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly unanchored: () => string | undefined;
  readonly report: (error: unknown) => void;
}

/** How often it is looked, ms. */
const ROUND = 30_000;
/** What ends with an event is told so soon, ms. */
const SOON = 100;

/** Raises alerts about what did not happen in time, and says of open ones that they are over. */
export class Watch {
  readonly #parts: WatchParts;
  readonly #told = new Set<string>();
  #stopped = false;
  /** One look after another: each decides on what the one before has recorded. */
  #looking: Promise<void> | undefined;
  #again = false;
  #isDue = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Returns the function that ends it. */
  start(context: Context): () => Promise<void> {
    void this.#rounds(context);
    // What ends with an event is not told with the next round only.
    const unfollow = this.#parts.projection.onChange((events) => {
      if (events.every(({ type }) => type.startsWith("Alert"))) return;
      if (this.#parts.projection.state.openAlerts.size > 0) void this.#soon(context);
    });
    return async () => {
      this.#stopped = true;
      unfollow();
      await this.#looking;
    };
  }

  async #rounds(context: Context): Promise<void> {
    while (!this.#stopped) {
      await this.#tried(context);
      await this.#parts.clock.sleep(ROUND);
    }
  }

  /** Every database is looked at, so not after each of many changes. */
  async #soon(context: Context): Promise<void> {
    if (this.#isDue) return;
    this.#isDue = true;
    await this.#parts.clock.sleep(SOON);
    this.#isDue = false;
    if (!this.#stopped) await this.#tried(context);
  }

  /** One look; what changes meanwhile is looked at after it. */
  async #tried(context: Context): Promise<void> {
    const before = this.#looking;
    if (before !== undefined) {
      this.#again = true;
      return before;
    }
    this.#looking = this.#looks(context).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #looks(context: Context): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.look(context);
      } catch (error) {
        if (!this.#stopped) this.#parts.report(error);
      }
    } while (this.#again && !this.#stopped);
  }

  /** One look. */
  async look(context: Context): Promise<void> {
    const { ledger, projection, clock, unanchored, ids } = this.#parts;
    const { state } = projection;
    const now = Date.parse(clock.now());
    const late = overdue(state, now, unanchored());
    for (const one of late) {
      const once = onceKey(one, now);
      if (this.#told.has(once) || this.#isKnown(one)) continue;
      await raiseOnce({ ledger }, one, once, { ...context, requestId: ids.uuid() });
      this.#told.add(once);
    }
    const lasting = new Set(late.map(({ alert }) => alert.alertId));
    for (const { stream, event } of resolutions(state, lasting))
      await ledger.append({
        stream,
        expected: "any",
        events: [event],
        context: { ...context, requestId: ids.uuid() },
        once: [`alert-resolved:${event.data.raised}`],
      });
  }

  /** While nobody is told, once is enough for the record. */
  #isKnown({ alert }: Overdue): boolean {
    const { alertTargets, openAlerts } = this.#parts.projection.state;
    return alertTargets.size === 0 && openAlerts.has(alert.alertId);
  }
}
