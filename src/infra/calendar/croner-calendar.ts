import { Cron } from "croner";
import type { MaintenanceWindow } from "../../domain/database/events.ts";
import type { Calendar } from "../../domain/governance/calendar.ts";
import type { Times, Timetable } from "../../domain/schedule/timetable.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";

const SECOND = 1000;
const MINUTE = 60_000;
/** Expressions that are kept. */
const KEPT = 1000;
/** Nobody reckons openings of later years: somebody may well freeze or wait "until 9999". */
const HORIZON = Date.UTC(2900, 0);

/**
 * Windows by croner: an opening in an hour that daylight saving skips comes when that hour would
 * have ended, one in an hour that happens twice comes once (the first time), unless it is every hour. A window is open
 * for `minutes` of real time.
 */
export class CronerCalendar implements Calendar, Timetable {
  /** Reading an expression takes longer than asking it. */
  readonly #crons = new Map<string, Cron>();

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

  next(times: Times, after: string): string | undefined {
    return this.#cronOf(times).nextRun(new Date(after))?.toISOString();
  }

  last(times: Times, at: string): string | undefined {
    // As in `isOpen`.
    const reference = new Date(Math.floor(Date.parse(at) / SECOND) * SECOND + SECOND);
    return this.#cronOf(times).previousRuns(1, reference)[0]?.toISOString();
  }

  #cronOf({ cron, timeZone }: Times): Cron {
    const key = `${timeZone} ${cron}`;
    let known = this.#crons.get(key);
    if (known === undefined) {
      known = read(cron, timeZone, unreadable);
      if (this.#crons.size >= KEPT) this.#crons.clear();
      this.#crons.set(key, known);
    }
    return known;
  }
}

const cronOf = ({ opens, timeZone }: MaintenanceWindow): Cron => read(opens, timeZone, invalid);

function read(expression: string, timeZone: string, refuse: (why: string) => InvalidInput): Cron {
  try {
    const cron = new Cron(expression, { timezone: timeZone, mode: "5-part", paused: true });
    cron.nextRun(new Date(0));
    return cron;
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
}

const unreadable = (message: string): InvalidInput =>
  new InvalidInput("schedule-invalid", `The schedule cannot be read: ${message}`, {
    hint: "cron is an expression of five fields (0 3 * * *), timeZone an IANA name (Europe/Vienna)",
  });

const invalid = (message: string): InvalidInput =>
  new InvalidInput("window-invalid", `The window cannot be read: ${message}`, {
    hint: "opens is a cron expression of five fields (0 2 * * SAT), timeZone an IANA name (Europe/Vienna)",
  });
