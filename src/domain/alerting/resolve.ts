import { databaseStream, SERVICE_STREAM, type EventOf } from "../events.ts";
import type { DatabaseState, LedgerState } from "../state/state.ts";
import type { OpenAlert } from "./open-alert.ts";

/** Whether a trouble is over; undefined: it lasts. The text says so to people. */
type Ending = (alert: OpenAlert, around: Around) => string | undefined;

interface Around {
  readonly state: LedgerState;
  /** Ids of alerts about what did not happen in time, and has not by now. */
  readonly overdue: ReadonlySet<string>;
  /** What the alert is about; undefined: the service. */
  readonly database: DatabaseState | undefined;
  /** Its name, for people. */
  readonly name: string;
}

const ENDINGS: { readonly [code: string]: Ending } = {
  "database-quarantined": (_, { database, name }) =>
    database?.quarantine === null ? `${name} is not quarantined any more` : undefined,
  // Named by the schema that was found: another one is another trouble.
  "drift-detected": ({ alertId }, { database, name }) =>
    database === undefined || alertId === `drift:${database.id}:${database.drift?.found}`
      ? undefined
      : `The schema of ${name} is not the one that was found any more`,
  "integrity-check-failed": (_, { state, database, name }) =>
    state.checks.get(database?.lastCheck ?? "")?.status === "passed"
      ? `An integrity check of ${name} has passed`
      : undefined,
  "schedule-failed": ({ about }, { state, name }) => {
    const schedule = state.schedules.get(about.id);
    if (schedule === undefined) return `A schedule of ${name} that failed was deleted`;
    return schedule.failures === 0
      ? `Schedule ${schedule.schedule.name} of ${name} has succeeded`
      : undefined;
  },
  "backup-too-old": ({ alertId }, { overdue, name }) =>
    overdue.has(alertId) ? undefined : `The newest verified backup of ${name} is recent enough`,
  "emergency-review-overdue": ({ alertId }, { overdue, name }) =>
    overdue.has(alertId) ? undefined : `An emergency on ${name} was reviewed`,
  "ledger-not-anchored": ({ alertId }, { overdue }) =>
    overdue.has(alertId)
      ? undefined
      : "What keeps the ledger's checkpoints outside of it has caught up",
};

/** What is to be recorded of a trouble that is over, and in which stream. */
export interface Resolution {
  readonly stream: string;
  readonly event: EventOf<"AlertResolved">;
}

/**
 * The open alerts whose trouble is over as the state is now. Nothing but the state is looked at, so
 * it does not matter by which way it ended, or whether the process was there to see it.
 */
export function resolutions(
  state: LedgerState,
  overdue: ReadonlySet<string>,
): readonly Resolution[] {
  return [...state.openAlerts.values()].flatMap((alert) => {
    const { databaseId } = alert;
    const database = databaseId === null ? undefined : state.databases.get(databaseId);
    const name = database?.name ?? "the service";
    const message =
      database !== undefined && database.retired !== null
        ? `${name} was retired`
        : ENDINGS[alert.code]?.(alert, { state, overdue, database, name });
    if (message === undefined) return [];
    const { alertId, code, severity, about, raised } = alert;
    const data = {
      alertId,
      code,
      severity,
      message,
      about,
      raised: raised.index,
      since: raised.time,
    };
    return [
      {
        stream: databaseId === null ? SERVICE_STREAM : databaseStream(databaseId),
        event: { type: "AlertResolved" as const, data },
      },
    ];
  });
}
