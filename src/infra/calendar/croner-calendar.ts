import { Cron } from "croner";
import type { MaintenanceWindow } from "../../domain/database/events.ts";
import type { Calendar } from "../../domain/governance/calendar.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";

const SECOND = 1000;
const MINUTE = 60_000;
/** Nobody reckons openings of later years: somebody may well freeze or wait "until 9999". */
const HORIZON = Date.UTC(2900, 0);

/**
 * Windows by croner: an opening in an hour that daylight saving skips comes when that hour would
 * have ended, one in an hour that happens twice comes once (the first time). A window is open for `minutes` of real time.
 */
export class CronerCalendar implements Calendar {
  check(window: MaintenanceWindow): void {
    this.nextOpening(window, new Date(0).toISOString());
  }

  isOpen(window: MaintenanceWindow, at: string): boolean {
    const now = Date.parse(at);
    if (now >= HORIZON) return true;
    // Previous runs are strictly before the reference, by whole seconds: one at this very moment
    // counts too.
    const reference = new Date(Math.floor(now / SECOND) * SECOND + SECOND);
    const [opened] = cronOf(window).previousRuns(1, reference);
    return opened !== undefined && now < opened.getTime() + window.minutes * MINUTE;
  }

  nextOpening(window: MaintenanceWindow, at: string): string {
    const next = cronOf(window).nextRun(new Date(at));
    if (next !== null) return next.toISOString();
    throw invalid(`${window.opens} never opens`);
  }
}

function cronOf({ opens, timeZone }: MaintenanceWindow): Cron {
  try {
    const cron = new Cron(opens, { timezone: timeZone, mode: "5-part", paused: true });
    cron.nextRun(new Date(0));
    return cron;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

const invalid = (message: string): InvalidInput =>
  new InvalidInput("window-invalid", `The window cannot be read: ${message}`, {
    hint: "opens is a cron expression of five fields (0 2 * * SAT), timeZone an IANA name (Europe/Vienna)",
  });
