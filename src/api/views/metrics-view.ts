import type { Metrics } from "../../domain/audit/metrics.ts";
import type { Names } from "./names.ts";

/** Metrics with the databases' names. */
export function metricsView(metrics: Metrics, names: Names): object {
  const { period, total, byDatabase, byMigration, byDay, findings } = metrics;
  return {
    from: period.from,
    to: period.to,
    firstIndex: period.first,
    lastIndex: period.last,
    total,
    byDatabase: byDatabase.map(({ databaseId, ...tally }) =>
      Object.assign({ database: names.database(databaseId) }, tally),
    ),
    byMigration,
    byDay,
    findings: findings.map(({ databaseId, ...finding }) =>
      Object.assign({ database: names.database(databaseId) }, finding),
    ),
  };
}
