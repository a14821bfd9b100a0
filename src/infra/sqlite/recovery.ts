import { realpath } from "node:fs/promises";
import type { Recovered } from "../../domain/engine/database-engine.ts";
import { Conflict } from "../../domain/shared/errors.ts";
import {
  beginImmediate,
  commit,
  journalMode,
  openDatabase,
  rollback,
  type Connection,
} from "./connection.ts";
import { liveSchema } from "./fingerprint.ts";
import { appliedVersions, concludeMarker, noteOf, phaseOf } from "./markers.ts";
import { liftFence, requireMeta, requireSameDatabase } from "./meta.ts";
import { parseProbe, probe } from "./probe.ts";
import { removeLeftovers, wasToStayInWal } from "./replace-file.ts";
import type { Session } from "./session.ts";
import { engineError, isBusy } from "./sqlite-error.ts";
import { deadlineIn } from "./waiting.ts";

/** Time for readers to get out of the way of the commit. */
const COMMIT_WAIT_MS = 10_000;

/**
 * Finds out what happened to attempts without an outcome, under the database's lock. Without the
 * lock a holder that is only slow would be taken for dead.
 */
export class Recovery {
  readonly #session: Session;
  #db: Connection | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Waits for the lock and holds it. */
  async begin(lockTimeoutMs: number): Promise<void> {
    this.abandon();
    // A transaction of our own that is still open would be in the way for ever.
    this.#session.connections.discard();
    const db = await openDatabase(this.#session.target.url, "managed");
    try {
      await beginImmediate(db, deadlineIn(lockTimeoutMs));
      this.#db = db;
      await this.#session.faults("recovery-locked");
    } catch (error) {
      this.abandon();
      if (db.open) db.close();
      throw engineError(error);
    }
  }

  /** Raises the fence, reads the markers and gives up the lock. */
  async finish(token: number, attempts: readonly string[]): Promise<Recovered> {
    const db = this.#db;
    if (db === undefined)
      throw new Conflict("recovery-not-begun", "The database's lock is not held", {
        hint: "Begin the recovery first",
      });
    try {
      const recovered = await this.#recover(db, token, attempts);
      await commit(db, deadlineIn(COMMIT_WAIT_MS));
      await this.#tidy(db);
      return recovered;
    } catch (error) {
      throw engineError(error);
    } finally {
      this.abandon();
    }
  }

  /** Gives up the lock without a result. Idempotent. */
  abandon(): void {
    const db = this.#db;
    this.#db = undefined;
    if (db === undefined || !db.open) return;
    rollback(db);
    db.close();
  }

  /** An offline restore takes the file out of WAL mode before the new one replaces it. */
  async #tidy(db: Connection): Promise<void> {
    const path = await realpath(this.#session.target.url);
    if (journalMode(db) !== "wal" && (await wasToStayInWal(path))) backToWal(db);
    await removeLeftovers(path);
  }

  async #recover(db: Connection, token: number, attempts: readonly string[]): Promise<Recovered> {
    requireSameDatabase(requireMeta(db), this.#session.target);
    liftFence(db, token);
    await this.#session.faults("recovery-fenced");
    const phases: { [attempt: string]: "started" | "done" | "reverted" } = {};
    const fingerprints: { [attempt: string]: string } = {};
    const probes: { [attempt: string]: "applied" | "absent" | "unknown" } = {};
    for (const attempt of attempts) {
      const phase = phaseOf(db, attempt);
      if (phase === undefined) continue;
      phases[attempt] = phase;
      if (phase === "started") probes[attempt] = concludeByProbe(db, attempt);
      else fingerprints[attempt] = noteOf(db, attempt, phase) ?? "";
    }
    return {
      meta: requireMeta(db),
      phases,
      fingerprints,
      applied: appliedVersions(db),
      live: liveSchema(db),
      probes,
    };
  }
}

/** Others may be in the way of it: then the mode is left to them, the content is what matters. */
function backToWal(db: Connection): void {
  try {
    db.pragma("journal_mode = WAL");
  } catch (error) {
    if (!isBusy(error)) throw error;
  }
}

/** Looks whether a non-transactional step was done, and says so in its marker if it was. */
function concludeByProbe(db: Connection, attempt: string): "applied" | "absent" | "unknown" {
  const asked = parseProbe(noteOf(db, attempt, "started"));
  if (asked === undefined) return "unknown";
  const answer = probe(db, asked);
  if (answer === "applied")
    concludeMarker(db, attempt, asked.direction === "up" ? "done" : "reverted");
  return answer;
}
