import type { FiringStatus, Schedule, ScheduleEvents } from "../schedule/events.ts";
import type { Failure } from "../shared/errors.ts";
import type { Happened } from "./state.ts";

/** Work that is done time and again on one database. */
export interface ScheduleState {
  readonly id: string;
  readonly databaseId: string;
  readonly created: Happened;
  schedule: Schedule;
  changed: Happened | null;
  /** Kept until its last work has ended. */
  deleted: Happened | null;
  /** Due times up to this one are dealt with. */
  settled: string;
  /** Work that has begun and not ended. */
  open: FiringState | null;
  /** The newest that have ended, newest first. */
  recent: readonly FiringState[];
  lastSucceeded: Happened | null;
  /** Firings since then. */
  failures: number;
  /** Due times that were missed, ever. */
  missed: number;
  lastMissed:
    | (Happened & Pick<ScheduleEvents["ScheduleMissed"], "first" | "last" | "count">)
    | null;
  /** Due times that were skipped, ever. */
  skipped: number;
}

export interface FiringState {
  readonly id: string;
  readonly due: string;
  readonly caughtUp: boolean;
  readonly fired: Happened;
  readonly status: "running" | FiringStatus;
  readonly operation: string | null;
  readonly error: Failure | null;
  readonly ended: Happened | null;
  readonly durationMs: number | null;
}
