import type { Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";
import { alertRoutes } from "./alerts.ts";
import { assuranceRoutes } from "./assurances.ts";
import { adoptionRoutes } from "./adoptions.ts";
import { auditRoutes } from "./audit.ts";
import { backupRoutes } from "./backups.ts";
import { databaseRoutes } from "./databases.ts";
import { docsRoutes } from "./docs.ts";
import { driftRoutes } from "./drift.ts";
import { healthRoutes } from "./health.ts";
import { integrityRoutes } from "./integrity.ts";
import { keyRoutes } from "./keys.ts";
import { ledgerRoutes } from "./ledger.ts";
import { metricsRoutes } from "./metrics.ts";
import { migrationRoutes } from "./migrations.ts";
import { policyRoutes } from "./policies.ts";
import { recoveryRoutes } from "./recoveries.ts";
import { restoreRoutes } from "./restores.ts";
import { retentionRoutes } from "./retention.ts";
import { reportRoutes } from "./reports.ts";
import { runRoutes } from "./runs.ts";
import { erasureRoutes } from "./erasures.ts";
import { signingKeyRoutes } from "./signing-keys.ts";
import { transparencyLogRoutes } from "./transparency-log.ts";
import { scheduleRoutes } from "./schedules.ts";
import { schemaRoutes } from "./schema.ts";

/** Every route. The audit history comes first: it is read most. */
export function routesOf(services: Services, views: Views): readonly Route[] {
  const routes: Route[] = [
    ...auditRoutes(services, views),
    ...databaseRoutes(services, views),
    ...policyRoutes(services, views),
    ...schemaRoutes(services, views),
    ...driftRoutes(services, views),
    ...reportRoutes(services, views),
    ...migrationRoutes(services, views),
    ...adoptionRoutes(services, views),
    ...runRoutes(services, views),
    ...backupRoutes(services, views),
    ...restoreRoutes(services, views),
    ...assuranceRoutes(services, views),
    ...retentionRoutes(services, views),
    ...recoveryRoutes(services, views),
    ...integrityRoutes(services, views),
    ...scheduleRoutes(services, views),
    ...ledgerRoutes(services),
    ...transparencyLogRoutes(services),
    ...signingKeyRoutes(services),
    ...erasureRoutes(services),
    ...alertRoutes(services, views),
    ...keyRoutes(services, views),
    ...healthRoutes(services),
    ...metricsRoutes(services),
    ...docsRoutes(() => routes),
  ];
  return routes;
}
