import type { RecordedEvent } from "../../domain/events.ts";
import type { Content } from "../../domain/ledger/ledger.ts";
import type { Idempotency } from "../../domain/shared/actor.ts";
import type { Clock } from "../../domain/shared/clock.ts";
import type { LedgerConnection, LedgerStatement } from "./ledger-connection.ts";
import type { LedgerHeadState } from "./ledger-head.ts";
import type { Extras } from "./ledger-writer.ts";

/** An event with what is stored beside it. */
export interface StoredEvent {
  readonly event: RecordedEvent;
  readonly v: number;
  readonly leaf: Uint8Array;
  readonly salt: Uint8Array;
  readonly payload: string;
}

/** The prepared statements that write a ledger. None of them replaces or deletes a row. */
export class LedgerStatements {
  readonly #db: LedgerConnection;
  readonly #begin: LedgerStatement;
  readonly #commit: LedgerStatement;
  readonly #event: LedgerStatement;
  readonly #payload: LedgerStatement;
  readonly #content: LedgerStatement;
  readonly #head: LedgerStatement;
  readonly #idem: LedgerStatement;
  readonly #once: LedgerStatement;
  readonly #answer: LedgerStatement;
  readonly #checkpoint: LedgerStatement;

  constructor(db: LedgerConnection) {
    this.#db = db;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#event = db.prepare("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#payload = db.prepare("INSERT INTO payload VALUES (?, ?, ?, NULL, NULL)");
    this.#content = db.prepare("INSERT INTO content VALUES (?, ?) ON CONFLICT (digest) DO NOTHING");
    this.#head = db.prepare(
      "UPDATE ledger_head SET size = ?, frontier = ?, time_high = ?, time_back = ?",
    );
    this.#idem = db.prepare("INSERT INTO idem VALUES (?, ?, ?, ?, NULL)");
    this.#once = db.prepare("INSERT INTO once_key VALUES (?, ?, ?)");
    this.#answer = db.prepare("UPDATE idem SET answer = ? WHERE key = ? AND answer IS NULL");
    this.#checkpoint = db.prepare(
      "INSERT INTO checkpoint VALUES (?, ?, ?, ?) ON CONFLICT (size) DO NOTHING",
    );
  }

  /** Takes the write lock. */
  begin(): void {
    this.#begin.run();
  }

  /** Durable when it returns. */
  commit(): void {
    this.#commit.run();
  }

  rollback(): void {
    // SQLite has already rolled back after some errors (disk full, for one).
    if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
  }

  insertEvent({ event, v, leaf, salt, payload }: StoredEvent): void {
    this.#event.run(
      event.index,
      event.id,
      event.stream,
      event.streamVersion,
      event.type,
      v,
      event.time,
      event.actor.id,
      event.actor.kind,
      event.correlation,
      event.causation,
      leaf,
      event.leafHash,
    );
    this.#payload.run(event.index, salt, payload);
  }

  insertContent(content: Content): void {
    this.#content.run(content.digest, content.text);
  }

  insertIdem(idempotency: Idempotency, first: number | null, last: number | null): void {
    this.#idem.run(idempotency.key, idempotency.requestHash, first, last);
  }

  insertOnce(key: string, first: number | null, last: number | null): void {
    this.#once.run(key, first, last);
  }

  updateHead(head: LedgerHeadState): void {
    this.#head.run(head.size, head.frontier, head.timeHigh, head.timeBack);
  }

  /** An answer or checkpoint that is there already stays: both are given once. */
  storeExtras({ answers, checkpoint }: Extras, clock: Clock): void {
    for (const [key, answer] of answers) this.#answer.run(answer, key);
    if (checkpoint !== undefined) {
      this.#checkpoint.run(checkpoint.size, checkpoint.root, checkpoint.note, clock.now());
    }
  }
}
