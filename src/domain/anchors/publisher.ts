import { SERVICE_STREAM } from "../events.ts";
import type { Checkpoint, Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import type { AnchorEvents } from "./events.ts";

/** A witness that cosigns. Rejects when it cannot or will not. */
export interface Cosigner {
  readonly name: string;
  /** Its signature line, checked. */
  cosign(checkpoint: Checkpoint): Promise<string>;
}

/** A place that takes the log. */
export interface Publication {
  readonly name: string;
  publish(checkpoint: Checkpoint): Promise<void>;
}

/** An authority that says when it saw a text. */
export interface TimeAuthority {
  readonly name: string;
  stamp(text: Uint8Array): Promise<{ readonly token: string; readonly time: string }>;
}

export interface PublisherParts {
  readonly ledger: Pick<Ledger, "append" | "checkpoint">;
  readonly witnesses: readonly Cosigner[];
  readonly publications: readonly Publication[];
  readonly authorities: readonly TimeAuthority[];
  readonly digest: Digest;
  readonly clock: Clock;
  readonly context: () => Context;
  /** The type of the newest event, and how many events there are. */
  readonly newest: () => Promise<{
    readonly size: number;
    readonly type: string;
    readonly time: string;
  }>;
  /** Milliseconds. */
  readonly anchorEvery: number;
  readonly onError: (error: unknown, where: string) => void;
}

type Anchored = AnchorEvents["CheckpointAnchored"];

/** Takes signed checkpoints out of the ledger, and what others say of them back into it. */
export class Publisher {
  readonly #parts: PublisherParts;
  /** When each took a checkpoint last, RFC 3339, by name. */
  readonly reached = new Map<string, string>();
  #published = -1;
  #cosigned: Checkpoint | undefined;
  #anchored: number | undefined;
  #working: Promise<void> | undefined;
  /** Since when something could not be published, and nothing be stamped. */
  #unpublished: string | undefined;
  #unstamped: string | undefined;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** The newest checkpoint that every witness that could be asked has signed, with their lines. */
  get cosigned(): Checkpoint | undefined {
    return this.#cosigned;
  }

  /** RFC 3339: since when what is kept outside lags behind the ledger; undefined: it does not. */
  get behindSince(): string | undefined {
    return [this.#unpublished, this.#unstamped]
      .filter((since) => since !== undefined)
      .toSorted()[0];
  }

  /** One round; rounds never overlap. */
  round(): Promise<void> {
    this.#working ??= this.#round().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  async #round(): Promise<void> {
    await this.#beat();
    const { size } = await this.#parts.newest();
    if (size !== this.#published) await this.#publish();
    if (await this.#isTimeToAnchor()) await this.#anchor();
  }

  async #publish(): Promise<void> {
    const { ledger, witnesses, publications } = this.#parts;
    const checkpoint = await ledger.checkpoint();
    const lines = await Promise.all(
      witnesses.map((witness) => this.#tried(witness.name, () => witness.cosign(checkpoint))),
    );
    const signed = lines.filter((line) => line !== undefined);
    const cosigned = { ...checkpoint, note: checkpoint.note + signed.join("") };
    if (signed.length > 0) this.#cosigned = cosigned;
    const done = await Promise.all(
      publications.map(async (publication) =>
        this.#tried(publication.name, async () => {
          await publication.publish(cosigned);
          return true;
        }),
      ),
    );
    // What failed is tried again in the next round.
    const complete = signed.length === witnesses.length && done.every((one) => one === true);
    if (complete) this.#published = checkpoint.size;
    this.#unpublished = complete ? undefined : (this.#unpublished ?? this.#parts.clock.now());
  }

  /** While nothing happens, an event says so: without it a gap would look like silence. */
  async #beat(): Promise<void> {
    const { ledger, newest, clock, anchorEvery, context } = this.#parts;
    const { time } = await newest();
    const silent = Date.parse(clock.now()) - Date.parse(time);
    if (silent < anchorEvery) return;
    const seconds = Math.round(silent / 1000);
    await ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context: context(),
      events: [{ type: "HeartbeatRecorded", data: { seconds } }],
    });
  }

  async #isTimeToAnchor(): Promise<boolean> {
    const { authorities, newest, clock, anchorEvery } = this.#parts;
    // An anchor's own event is no reason for another one.
    if (authorities.length === 0 || (await newest()).type === "CheckpointAnchored") return false;
    return this.#anchored === undefined || clock.elapsed() - this.#anchored >= anchorEvery;
  }

  async #anchor(): Promise<void> {
    const { ledger, authorities, digest, context, clock } = this.#parts;
    const checkpoint = await ledger.checkpoint();
    const text = digest.utf8(checkpoint.note);
    const stamps = await Promise.all(
      authorities.map(async (authority) => {
        const { name } = authority;
        const stamped = await this.#tried(name, () => authority.stamp(text));
        return stamped === undefined ? [] : [{ name, ...stamped }];
      }),
    );
    const found = stamps.flat();
    this.#unstamped = found.length > 0 ? undefined : (this.#unstamped ?? clock.now());
    if (found.length === 0) return;
    const { size, root } = checkpoint;
    await ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context: context(),
      contents: [
        { digest: digest.ofText(checkpoint.note), text: checkpoint.note },
        ...found.map(({ token }) => ({ digest: digest.ofText(token), text: token })),
      ],
      events: found.map(({ name, token, time }) => {
        const data: Anchored = {
          kind: "timestamp",
          by: name,
          size,
          root: digest.base64(root),
          time,
          token: digest.ofText(token),
          note: digest.ofText(checkpoint.note),
        };
        return { type: "CheckpointAnchored" as const, data };
      }),
    });
    this.#anchored = clock.elapsed();
  }

  async #tried<T>(where: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const done = await work();
      this.reached.set(where, this.#parts.clock.now());
      return done;
    } catch (error) {
      this.#parts.onError(error, where);
      return undefined;
    }
  }
}
