import type { MaintenanceWindow } from "../database/events.ts";

/** Maintenance windows by the clock on the wall, daylight saving included. Times are RFC 3339 UTC. */
export interface Calendar {
  /** Error: `InvalidInput` window-invalid. */
  check(window: MaintenanceWindow): void;
  isOpen(window: MaintenanceWindow, at: string): boolean;
  /** The first opening after `at`. Error: `InvalidInput` window-invalid if it never opens again. */
  nextOpening(window: MaintenanceWindow, at: string): string;
}
