import { createHash } from "node:crypto";
import type { AuditRow } from "../domain/audit/audit-log.ts";
import type { AuditAccess } from "../domain/audit/events.ts";
import type { EventQuery } from "../domain/ledger/ledger.ts";
import type { Context } from "../domain/shared/actor.ts";
import { Unauthenticated, Unavailable } from "../domain/shared/errors.ts";
import { breathe } from "../infra/system/breathe.ts";
import type { DownloadAnswer } from "./route.ts";
import type { Services } from "./services.ts";
import { EVENT_CSV_HEAD, eventCsv } from "./views/event-csv.ts";
import type { Views } from "./views/views.ts";

export const NDJSON = "application/x-ndjson";
export const CSV = "text/csv";

/** Events read and written at a time; between them others get their turn. */
const CHUNK = 250;
/** Whole histories that one reader may be taking at the same time. */
const AT_ONCE = 4;

/** What became of an answer, for the record of reads. */
export type Sent = Pick<AuditAccess, "items" | "sha256" | "brokenOff">;

export interface WantedHistory {
  readonly filter: Omit<EventQuery, "limit">;
  /** Media type: JSON, NDJSON or CSV. */
  readonly type: string;
  readonly context: Context;
  /** Called once: before the last bytes are given out, or when it ends without them. */
  readonly note: (sent: Sent) => void;
}

/** Gives out whole histories, read while they are sent: neither their length nor a slow reader costs memory. */
export class WholeHistories {
  readonly #services: Services;
  readonly #views: Views;
  readonly #underway = new Map<string, number>();

  constructor(services: Services, views: Views) {
    this.#services = services;
    this.#views = views;
  }

  /**
   * Everything that the filter lets through up to the newest event of now. Errors: Unavailable
   * exports-busy; later, breaking the answer off: Unauthenticated token-revoked.
   */
  async answer(wanted: WantedHistory): Promise<DownloadAnswer> {
    const { id } = wanted.context.actor;
    this.#enter(id);
    try {
      const { size } = await this.#services.ledger.head();
      const sending = new Sending(this.#services, this.#views, wanted, size);
      return {
        type: `${wanted.type}; charset=utf-8`,
        headers: { "Ledger-Size": String(size) },
        trailerNames: ["Event-Count", "Content-Digest"],
        trailers: () => sending.trailers(),
        chunks: sending.chunks(),
        release: () => {
          sending.end();
          this.#leave(id);
        },
      };
    } catch (error) {
      this.#leave(id);
      throw error;
    }
  }

  #enter(id: string): void {
    const underway = this.#underway.get(id) ?? 0;
    if (underway >= AT_ONCE)
      throw new Unavailable("exports-busy", "This reader is taking other whole histories", {
        hint: "Try again when they have ended",
      });
    this.#underway.set(id, underway + 1);
  }

  #leave(id: string): void {
    const left = this.#underway.get(id)! - 1;
    if (left === 0) this.#underway.delete(id);
    else this.#underway.set(id, left);
  }
}

/** One history on its way to one reader. */
class Sending {
  readonly #services: Services;
  readonly #views: Views;
  readonly #wanted: WantedHistory;
  /** Events from this index on came later and are no part of it. */
  readonly #size: number;
  readonly #hash = createHash("sha256");
  #items = 0;
  #noted = false;
  #digest = Buffer.alloc(0);

  constructor(services: Services, views: Views, wanted: WantedHistory, size: number) {
    this.#services = services;
    this.#views = views;
    this.#wanted = wanted;
    this.#size = size;
  }

  async *chunks(): AsyncGenerator<string> {
    const { head, between, tail } = FORMS[this.#wanted.type]!;
    let text = head;
    for await (const rows of this.#rows()) {
      const texts = await this.#texts(rows);
      text += (this.#items > 0 ? between : "") + texts.join(between);
      this.#items += rows.length;
      this.#hash.update(text, "utf8");
      yield text;
      text = "";
    }
    text += tail;
    this.#hash.update(text, "utf8");
    this.#digest = this.#hash.digest();
    this.#note({ items: this.#items, sha256: `sha256:${this.#digest.toString("hex")}` });
    yield text;
  }

  trailers(): { readonly [name: string]: string } {
    return {
      "Event-Count": String(this.#items),
      "Content-Digest": `sha-256=:${this.#digest.toString("base64")}:`,
    };
  }

  /** However it ended. */
  end(): void {
    this.#note({ items: this.#items, brokenOff: true });
  }

  #note(sent: Sent): void {
    if (this.#noted) return;
    this.#noted = true;
    this.#wanted.note(sent);
  }

  async *#rows(): AsyncGenerator<readonly AuditRow[]> {
    const { filter } = this.#wanted;
    let after =
      filter.order === "desc" ? Math.min(filter.after ?? this.#size, this.#size) : filter.after;
    for (;;) {
      this.#requireKey();
      const query = { ...filter, limit: CHUNK, ...(after === undefined ? {} : { after }) };
      const rows = await this.#services.audit.rows(query);
      const within = rows.filter(({ index }) => index < this.#size);
      if (within.length > 0) yield within;
      if (within.length < CHUNK) return;
      after = within.at(-1)!.index;
      await breathe();
    }
  }

  /** A key that is revoked meanwhile reads no further. */
  #requireKey(): void {
    const { authn } = this.#wanted.context;
    if (this.#views.keys.isGood(authn.keyId, this.#services.identity.clock.now())) return;
    throw new Unauthenticated("token-revoked", "The key was revoked, or has expired, meanwhile");
  }

  async #texts(rows: readonly AuditRow[]): Promise<readonly string[]> {
    if (this.#wanted.type === CSV) return [eventCsv(rows, this.#views.names)];
    const lines = await this.#views.events.rows(rows);
    return this.#wanted.type === NDJSON ? lines.map((line) => `${line}\n`) : lines;
  }
}

/** What stands before, between and behind the events. */
const FORMS: {
  readonly [type: string]: {
    readonly head: string;
    readonly between: string;
    readonly tail: string;
  };
} = {
  [CSV]: { head: EVENT_CSV_HEAD, between: "", tail: "" },
  [NDJSON]: { head: "", between: "", tail: "" },
  "application/json": { head: '{"items":[', between: ",", tail: '],"next":null}' },
};
