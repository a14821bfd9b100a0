import { createHash } from "node:crypto";
import type { IssuedReport } from "../../domain/audit/events.ts";
import { SERVICE_STREAM } from "../../domain/events.ts";
import type { Ledger } from "../../domain/ledger/ledger.ts";
import type { Context } from "../../domain/shared/actor.ts";
import { Unavailable } from "../../domain/shared/errors.ts";

/** Reports that are made at the same time: each reads its whole period. */
const AT_ONCE = 2;

/** Records reports as given out, and keeps too many from being made at once. */
export class ReportIssuer {
  readonly #ledger: Pick<Ledger, "append">;
  #underway = 0;

  constructor(ledger: Pick<Ledger, "append">) {
    this.#ledger = ledger;
  }

  /** Takes a place, which `leave` gives back. Error: `Unavailable` reports-busy. */
  enter(): void {
    if (this.#underway >= AT_ONCE)
      throw new Unavailable("reports-busy", "Other reports are being made", {
        hint: "Try again when they are done",
      });
    this.#underway += 1;
  }

  leave(): void {
    this.#underway -= 1;
  }

  async record(report: IssuedReport, context: Context): Promise<void> {
    await this.#ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      events: [{ type: "ReportIssued", data: report }],
      context,
    });
  }

  /**
   * Passes the report on and records its digest before its end is sent: whoever has the whole of it
   * has one that is recorded.
   */
  async *issued(
    chunks: AsyncIterable<string | Uint8Array>,
    report: Omit<IssuedReport, "sha256">,
    context: Context,
  ): AsyncGenerator<string | Uint8Array> {
    const hash = createHash("sha256");
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
    await this.record({ ...report, sha256: `sha256:${hash.digest("hex")}` }, context);
  }
}
