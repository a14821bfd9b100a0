import type { Recovered } from "../../../domain/engine/database-engine.ts";
import { Conflict } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";
import { requireDirect } from "./connections.ts";
import { liveSchema } from "./live-schema.ts";
import { appliedVersions, concludeMarker, markerOf, noteProgress } from "./markers.ts";
import { liftFence, requireMeta, requireSameDatabase } from "./meta.ts";
import { endOrphans } from "./orphans.ts";
import { engineError, isLost } from "./postgres-error.ts";
import { ask, noteText, parseNote, type ProbeNote } from "./probe.ts";
import type { Session } from "./session.ts";
import { takeBackAll } from "./step-ntx.ts";
import { deadlineIn, lockedByOther, readSnapshot, takeLock, waitBefore } from "./transaction.ts";

type Probed = Recovered["probes"][string];

/**
 * Finds out what happened to attempts without an outcome, under the database's lock. Without the lock
 * a backend that is only slow would be taken for dead.
 */
export class Recovery {
  readonly #session: Session;
  #client: Client | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Waits for the lock and holds it; ends backends whose executor has gone. */
  async begin(lockTimeoutMs: number): Promise<void> {
    this.abandon();
    // A transaction of our own that is still open would be in the way for ever.
    this.#session.connections.discard();
    const deadline = deadlineIn(lockTimeoutMs);
    try {
      this.#client = await this.#reach(deadline);
      await this.#take(this.#client, deadline);
      await this.#session.faults("recovery-locked");
    } catch (error) {
      this.abandon();
      throw engineError(error);
    }
  }

  /** Raises the fence, reads the markers and gives up the lock. */
  async finish(token: number, attempts: readonly string[]): Promise<Recovered> {
    const client = this.#client;
    if (client === undefined)
      throw new Conflict("recovery-not-begun", "The database's lock is not held", {
        hint: "Begin the recovery first",
      });
    try {
      return await this.#recover(client, token, attempts);
    } catch (error) {
      throw engineError(error);
    } finally {
      this.abandon();
    }
  }

  /** Gives up the lock without a result. Idempotent. */
  abandon(): void {
    if (this.#client !== undefined) this.#session.connections.close(this.#client);
    this.#client = undefined;
  }

  /** A server that starts again refuses for a while. */
  async #reach(deadline: number): Promise<Client> {
    for (;;)
      try {
        const client = await this.#session.connections.open();
        await requireDirect(client);
        return client;
      } catch (error) {
        if (!isLost(error) || !(await waitBefore(deadline))) throw error;
      }
  }

  async #take(client: Client, deadline: number): Promise<void> {
    while (!(await takeLock(client, this.#session.target.databaseId, "session"))) {
      await endOrphans(client, this.#session);
      if (!(await waitBefore(deadline))) throw lockedByOther();
    }
  }

  async #recover(client: Client, token: number, attempts: readonly string[]): Promise<Recovered> {
    const { own, target, faults } = this.#session;
    requireSameDatabase(await requireMeta(client, own), target);
    await liftFence(client, own, token);
    await faults("recovery-fenced");
    const phases: { [attempt: string]: "started" | "done" | "reverted" } = {};
    const fingerprints: { [attempt: string]: string } = {};
    const probes: { [attempt: string]: Probed } = {};
    for (const attempt of attempts) {
      const marker = await markerOf(client, own, attempt);
      if (marker === undefined) continue;
      phases[attempt] = marker.phase;
      if (marker.phase === "started") probes[attempt] = await this.#probe(client, attempt, marker);
      else fingerprints[attempt] = marker.note ?? "";
    }
    return readSnapshot(client, async () => ({
      meta: await requireMeta(client, own),
      phases,
      fingerprints,
      applied: await appliedVersions(client, own),
      live: await liveSchema(client, own),
      probes,
    }));
  }

  /**
   * A step outside a transaction that began and did not end: all of it is there, or what there is of it
   * is taken away. The last resort is to say that nobody knows.
   */
  async #probe(
    client: Client,
    attempt: string,
    { note: text }: { readonly note: string | null },
  ): Promise<Probed> {
    const { own } = this.#session;
    const note = parseNote(text);
    if (note === undefined) return "unknown";
    const count = await doneOf(client, note);
    if (count === undefined) return "unknown";
    if (count === note.probes.length) {
      await concludeMarker(client, own, attempt, note.direction === "up" ? "done" : "reverted");
      return "applied";
    }
    if (!(await takeBackAll(client, note.probes, count))) return "unknown";
    await noteProgress(client, own, attempt, noteText({ ...note, done: 0 }));
    return "absent";
  }
}

/** How many statements were executed; undefined if nobody can say. */
async function doneOf(client: Client, { probes, done }: ProbeNote): Promise<number | undefined> {
  const interrupted = probes[done];
  if (interrupted === undefined) return done;
  const answer = await ask(client, interrupted);
  if (answer === "ambiguous") return undefined;
  return answer === "applied" ? done + 1 : done;
}
