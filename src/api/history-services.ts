import { EventScan } from "../domain/audit/event-scan.ts";
import { DriftService } from "../domain/database/drift-service.ts";
import type { Dialect } from "../domain/engine/dialect.ts";
import { Points } from "../domain/ledger/points.ts";
import { SchemaHistory } from "../domain/schema/schema-history.ts";
import { breathe } from "../infra/system/breathe.ts";
import { diffDefinitions } from "../infra/text/diff-text.ts";
import * as t from "./tokens.ts";

/** What answers questions about the past. */
export interface HistoryServices {
  readonly points: Points;
  readonly schemas: SchemaHistory;
  readonly drift: DriftService;
  readonly scan: EventScan;
  readonly dialect: Dialect;
  readonly diffTexts: (name: string, before: string, after: string) => string;
}

/** Puts them together; none of them has state that the ledger lacks. */
export function historyServices(c: t.Resolver): HistoryServices {
  const ledger = c.resolve(t.LEDGER);
  const dialect = c.resolve(t.DIALECT);
  return {
    points: new Points(ledger),
    schemas: new SchemaHistory(ledger, dialect),
    drift: new DriftService({
      databases: c.resolve(t.DATABASE_SERVICE),
      backups: c.resolve(t.BACKUP_SERVICE),
      restores: c.resolve(t.RESTORE_SERVICE),
      integrity: c.resolve(t.INTEGRITY_SERVICE),
      sessions: c.resolve(t.SESSIONS),
      jobs: c.resolve(t.JOBS),
      ledger,
    }),
    scan: new EventScan(ledger, breathe),
    dialect,
    diffTexts: diffDefinitions,
  };
}
