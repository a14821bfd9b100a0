import { AccessLog } from "../domain/audit/access-log.ts";
import { ChangeReporter } from "../domain/audit/report/change-report.ts";
import { EventScan } from "../domain/audit/event-scan.ts";
import { DriftService } from "../domain/database/drift-service.ts";
import type { Dialects } from "../domain/engine/dialect.ts";
import { Points } from "../domain/ledger/points.ts";
import { TestEvidenceService } from "../domain/governance/test-evidence.ts";
import { SchemaHistory } from "../domain/schema/schema-history.ts";
import { breathe } from "../infra/system/breathe.ts";
import { diffDefinitions } from "../infra/text/diff-text.ts";
import { describeError } from "../infra/telemetry/logger.ts";
import type { Ledger } from "../domain/ledger/ledger.ts";
import type { Log } from "../infra/telemetry/logger.ts";
import type { CoreConfig } from "./config.ts";
import type { Opened } from "./container.ts";
import { ReportIssuer } from "./report/issuer.ts";
import * as t from "./tokens.ts";

/** What answers questions about the past. */
export interface HistoryServices {
  readonly points: Points;
  readonly schemas: SchemaHistory;
  readonly drift: DriftService;
  readonly scan: EventScan;
  readonly accesses: AccessLog;
  readonly reporter: ChangeReporter;
  readonly issuer: ReportIssuer;
  readonly tests: TestEvidenceService;
  readonly dialects: Dialects;
  readonly diffTexts: (name: string, before: string, after: string) => string;
}

/** Their names. */
export const HISTORY = {
  points: true,
  schemas: true,
  drift: true,
  scan: true,
  accesses: true,
  reporter: true,
  issuer: true,
  tests: true,
  dialects: true,
  diffTexts: true,
} as const;

/** What the core opens and closes of them. */
export function addHistory(
  one: t.One,
  { auditReads = "all" }: CoreConfig,
  { readOnly }: Pick<Opened, "readOnly">,
): void {
  one(t.ACCESS_LOG, (c) => {
    const report = (error: unknown): void => {
      const message = "Reads of the audit history could not be recorded";
      c.resolve(t.LOG)({ level: "error", message, ...describeError(error) });
    };
    return new AccessLog(
      c.resolve(t.LEDGER),
      c.resolve(t.CLOCK),
      readOnly === true ? "none" : auditReads,
      report,
    );
  });
}

/** Puts them together; none of them has state that the ledger lacks. */
export function historyServices(
  c: t.Resolver,
  { follows, log }: Pick<Opened, "follows" | "log">,
): HistoryServices {
  const ledger = c.resolve(t.LEDGER);
  const dialects = c.resolve(t.DIALECTS);
  const scan = new EventScan(ledger, breathe);
  const projection = c.resolve(t.PROJECTION);
  const schemas = new SchemaHistory(ledger, dialects, (databaseId) => {
    const { size, databases } = projection.state;
    const database = databases.get(databaseId);
    return database === undefined ? undefined : { schema: database.schema, size };
  });
  return {
    points: new Points(ledger),
    schemas,
    drift: new DriftService({
      databases: c.resolve(t.DATABASE_SERVICE),
      backups: c.resolve(t.BACKUP_SERVICE),
      restores: c.resolve(t.RESTORE_SERVICE),
      integrity: c.resolve(t.INTEGRITY_SERVICE),
      projection: c.resolve(t.PROJECTION),
      sessions: c.resolve(t.SESSIONS),
      jobs: c.resolve(t.JOBS),
      ledger,
    }),
    accesses: c.resolve(t.ACCESS_LOG),
    scan,
    reporter: new ChangeReporter({
      log: c.resolve(t.TRANSPARENCY_LOG),
      digest: c.resolve(t.DIGEST),
      calendar: c.resolve(t.CALENDAR),
      ledger,
      scan,
      schemas,
    }),
    issuer: new ReportIssuer(follows === undefined ? ledger : toldTo(log)),
    tests: new TestEvidenceService(c.resolve(t.RECORDER), (name) =>
      c.resolve(t.DATABASE_SERVICE).find(name),
    ),
    dialects,
    diffTexts: diffDefinitions,
  };
}

/** Where the ledger cannot be written, reports that were given out are told to the operator. */
const toldTo = (log: Log): Pick<Ledger, "append"> => ({
  append: async ({ events, context }) => {
    const actor = context.actor.id;
    for (const { type, data } of events)
      log({ level: "info", message: "A report was given out", type, data, actor });
    return { events: [], repeated: false };
  },
});
