import { overdue } from "../../domain/alerting/watch.ts";
import type { Ledger } from "../../domain/ledger/ledger.ts";
import type { Clock } from "../../domain/shared/clock.ts";
import type { LedgerState } from "../../domain/state/state.ts";

/** `degraded`: it serves, and somebody should look. `failed`: it cannot serve. */
export type CheckStatus = "ok" | "degraded" | "failed";

export interface Check {
  readonly status: CheckStatus;
  /** What to do; names nothing that not everybody may know. */
  readonly hint?: string;
}

export interface ReadinessParts {
  readonly projection: { readonly state: LedgerState };
  readonly ledger: Pick<Ledger, "head" | "newestCheckpoint"> & { readonly failsToWrite?: boolean };
  /** Rejects when backups cannot be put where they belong. */
  readonly reachStore: () => Promise<void>;
  readonly executor: { isBroken(): boolean };
  readonly scheduler: { readonly isTroubled: boolean };
  readonly clock: Clock;
  readonly stopping: AbortSignal;
  /** Bytes free where the data directory is. */
  readonly freeBytes: () => Promise<number>;
  /** Since when something outside lags behind the ledger. */
  readonly unanchored: () => string | undefined;
  /** Another service works; this one waits for it to go. */
  readonly standsBy?: boolean;
}

const OK: Check = { status: "ok" };
/** Below it a backup may not fit any more, and below the other nothing does. */
const LITTLE_SPACE = 1e9;
const NO_SPACE = 50e6;
/** Checkpoints are signed within a moment: what is not covered for longer is so for another reason. */
const CHECKPOINT_LAG = 1000;
const SIGNING_PATIENCE_MS = 60_000;
const ALERT_PATIENCE_MS = 15 * 60_000;

/** Whether the service can do its work, and what somebody should look at. Public: it names nothing. */
export class Readiness {
  readonly #parts: ReadinessParts;
  /** The newest checkpoint that did not cover all, and since when it was seen to be, ms. */
  #behind: { readonly size: number; readonly since: number } | undefined;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  /** One word for all, and each check by its name. */
  async look(): Promise<{
    readonly status: CheckStatus;
    readonly checks: { readonly [name: string]: Check };
  }> {
    const { ledger, projection, stopping, freeBytes, reachStore, executor } = this.#parts;
    const broken = "Look at the service's log, and start it again";
    const state = await result(() => projection.state);
    const checks = {
      ledger: (await result(() => ledger.head())) === undefined ? failed(broken) : OK,
      projection: state === undefined ? failed(broken) : OK,
      accepting: stopping.aborted ? failed("The service is stopping") : OK,
      ...(this.#parts.standsBy === true
        ? { working: failed("This one stands by: ask the service that works") }
        : {}),
      disk: spaceOf(await result(freeBytes)),
      // What cannot be recorded is refused: it serves, but only reads.
      recording: unless(ledger.failsToWrite === true, "Look at the service's log, and at the disk"),
      store: unless(!(await works(reachStore)), "Look at the directory of the backups"),
      executors: unless(
        executor.isBroken(),
        "No executor process comes up: look at the machine's memory, and at the service's log",
      ),
      ...(state === undefined ? {} : this.#of(state)),
    };
    const found = new Set(Object.values(checks).map((check: Check) => check.status));
    const status = found.has("failed") ? "failed" : found.has("degraded") ? "degraded" : "ok";
    return { status, checks };
  }

  #of(state: LedgerState): { readonly [name: string]: Check } {
    const { clock, unanchored, scheduler } = this.#parts;
    const now = Date.parse(clock.now());
    const databases = [...state.databases.values()].filter(({ retired }) => retired === null);
    const late = new Set(overdue(state, now, unanchored()).map(({ alert }) => alert.code));
    return {
      checkpoints: unless(
        this.#isUnsigned(state.size, now),
        "Signing lags behind: look at the service's log",
      ),
      anchors: unless(
        unanchored() !== undefined,
        "What is kept outside the ledger lags behind: the service's log says which",
      ),
      databases: unless(
        databases.some(({ quarantine, drift }) => quarantine !== null || drift !== null),
        "GET /v1/databases shows quarantine and drift, each with the way out",
      ),
      backups: unless(late.has("backup-too-old"), "GET /v1/alerts names what has no recent backup"),
      reviews: unless(
        late.has("emergency-review-overdue"),
        "GET /v1/alerts names the emergency that nobody reviewed",
      ),
      schedules: unless(
        scheduler.isTroubled || [...state.schedules.values()].some(({ failures }) => failures > 0),
        "GET /v1/alerts and the service's log say which scheduled work failed",
      ),
      alerts: unless(
        [...state.alertTargets.values()].some(
          ({ queue, dead }) =>
            dead.length > 0 ||
            (queue[0] !== undefined && now - Date.parse(queue[0].since) > ALERT_PATIENCE_MS),
        ),
        "GET /v1/alert-targets shows who was not told, and why",
      ),
    };
  }

  #isUnsigned(size: number, now: number): boolean {
    const covered = this.#parts.ledger.newestCheckpoint()?.size ?? 0;
    if (covered >= size) this.#behind = undefined;
    else if (this.#behind?.size !== covered) this.#behind = { size: covered, since: now };
    const ms = this.#behind === undefined ? 0 : now - this.#behind.since;
    return size - covered > CHECKPOINT_LAG || ms >= SIGNING_PATIENCE_MS;
  }
}

const works = async (probe: () => Promise<void>): Promise<boolean> =>
  (await result(async () => {
    await probe();
    return true;
  })) === true;

const failed = (hint: string): Check => ({ status: "failed", hint });
const unless = (trouble: boolean, hint: string): Check =>
  trouble ? { status: "degraded", hint } : OK;

function spaceOf(bytes: number | undefined): Check {
  const hint = "Free space where the data directory is";
  if (bytes === undefined || bytes < NO_SPACE) return failed(hint);
  return bytes < LITTLE_SPACE ? { status: "degraded", hint } : OK;
}

/** Undefined: it failed. Why may name paths, and the answer is public: the log says it. */
async function result<T>(probe: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await probe();
  } catch {
    return undefined;
  }
}
