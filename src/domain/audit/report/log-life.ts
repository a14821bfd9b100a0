import type { RecordedEvent } from "../../events.ts";
import { evidence } from "./change-collector.ts";
import type { Evidence } from "./change.ts";

/** A checkpoint that an authority saw: what it covers is provably earlier than `stamped`. */
export interface ReportedAnchor extends Evidence {
  readonly kind: string;
  readonly by: string;
  readonly size: number;
  /** Their time. */
  readonly stamped: string;
}

/** Time in which no event was recorded, not even that nothing happened. */
export interface Gap {
  /** Indexes of the events before and after it. */
  readonly after: number;
  readonly before: number;
  readonly seconds: number;
  /** What the log says of it: the service was stopped, or did not end in order; null: nothing. */
  readonly why: "stopped" | "crashed" | null;
}

export interface LogLife {
  readonly anchors: readonly ReportedAnchor[];
  readonly heartbeats: number;
  /** Null: no heartbeat says how long a silence may be. */
  readonly gaps: readonly Gap[] | null;
}

type Last = Pick<RecordedEvent, "index" | "time" | "type">;

/** Silences that are looked at, and their number: most of them are none. */
const [WORTH_A_LOOK_S, MOST] = [300, 1000];
/** A silence of more than so many heartbeats is a gap. */
const TOLERATED = 2;

/** What a period's events say of the log itself: who saw it, and when nobody wrote. */
export class LogLifeCollector {
  readonly #anchors: ReportedAnchor[] = [];
  readonly #silences: Gap[] = [];
  #heartbeats = 0;
  #interval: number | undefined;
  #last: Last | undefined;

  add(event: RecordedEvent): void {
    if (this.#last !== undefined) this.#follow(this.#last, event);
    // A clock that was set back makes no silence.
    if (this.#last === undefined || event.time > this.#last.time)
      this.#last = { index: event.index, time: event.time, type: event.type };
    if (event.type === "HeartbeatRecorded") {
      this.#heartbeats += 1;
      this.#interval = Math.min(this.#interval ?? event.data.seconds, event.data.seconds);
    }
    if (event.type === "CheckpointAnchored") {
      const { kind, by, size, time } = event.data;
      this.#anchors.push({ ...evidence(event), kind, by, size, stamped: time });
    }
  }

  result(): LogLife {
    const interval = this.#interval;
    const gaps =
      interval === undefined
        ? null
        : this.#silences.filter(({ seconds }) => seconds > TOLERATED * interval);
    return { anchors: this.#anchors, heartbeats: this.#heartbeats, gaps };
  }

  #follow(last: Last, event: RecordedEvent): void {
    const seconds = Math.round((Date.parse(event.time) - Date.parse(last.time)) / 1000);
    if (seconds > WORTH_A_LOOK_S && this.#silences.length < MOST)
      this.#silences.push({
        after: last.index,
        before: event.index,
        seconds,
        why: whyOf(last, event),
      });
  }
}

/** A service says at its start how the one before has ended. */
function whyOf({ type }: Last, next: RecordedEvent): Gap["why"] {
  if (type === "ServiceStopped") return "stopped";
  if (next.type !== "ServiceStarted" || next.data.after === "first") return null;
  return next.data.after === "stop" ? "stopped" : "crashed";
}
