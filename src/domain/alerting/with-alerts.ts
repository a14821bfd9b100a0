import { databaseIdOf, type EventOf } from "../events.ts";
import type { Append } from "../ledger/ledger.ts";
import type { LedgerState } from "../state/state.ts";
import { alertOf } from "./rules.ts";

/**
 * The append with the alerts that its events call for: they are in one transaction, so an alert can
 * neither be lost nor raised twice, whenever the process dies.
 */
export function withAlerts(append: Append, state: LedgerState, now: string): Append {
  const id = databaseIdOf(append.stream);
  const database = id === undefined ? undefined : state.databases.get(id);
  const around = { state, database, name: database?.name ?? "a new database", now };
  const raised = new Set(
    append.events.flatMap((event) => (event.type === "AlertRaised" ? [event.data.alertId] : [])),
  );
  const alerts: EventOf<"AlertRaised">[] = [];
  for (const event of append.events) {
    const data = alertOf(event, around);
    if (data === undefined || raised.has(data.alertId)) continue;
    raised.add(data.alertId);
    alerts.push({ type: "AlertRaised", data });
  }
  return alerts.length === 0 ? append : { ...append, events: [...append.events, ...alerts] };
}
