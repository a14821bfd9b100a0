import type { EventQuery } from "../ledger/ledger.ts";

/**
 * The ledger read for people and their tools: rows with the payload's text unparsed, because the
 * audit history is read far more often than any of its members is looked at.
 */
export interface AuditLog {
  /** At most `query.limit` rows in index order (or its reverse). */
  rows(query: EventQuery): Promise<readonly AuditRow[]>;
}

export interface AuditRow {
  readonly index: number;
  readonly id: string;
  readonly stream: string;
  readonly streamVersion: number;
  readonly type: string;
  /** Version of the event type's shape. */
  readonly v: number;
  readonly time: string;
  readonly actor: string;
  readonly actorKind: string;
  readonly correlation: string;
  readonly causation: string | null;
  /** Lower-case hex. */
  readonly leafHash: string;
  /** JCS text of `{"context":{…},"data":{…}}`; null once it was erased. */
  readonly payload: string | null;
}
