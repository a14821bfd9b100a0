import type { Policy } from "../../database/events.ts";
import { databaseIdOf, databaseStream, type RecordedEvent } from "../../events.ts";
import type { Calendar } from "../../governance/calendar.ts";
import type { EventScan } from "../event-scan.ts";
import type { Recorded } from "../event-handlers.ts";
import { evidence } from "./change-collector.ts";
import type { Change } from "./change.ts";
import type { Exception } from "./exceptions.ts";

/**
 * Looks whether runs began while their database's policy let them, by the policy in force and the
 * calendar alone: not by what the service decided then.
 */
export class WindowCheck {
  readonly #calendar: Pick<Calendar, "isOpen">;
  readonly #policies = new Map<string, Policy>();
  readonly found: Exception[] = [];

  private constructor(calendar: Pick<Calendar, "isOpen">) {
    this.#calendar = calendar;
  }

  /** With the policies that were in force before the event `first`. */
  static async before(
    first: number,
    scan: EventScan,
    calendar: Pick<Calendar, "isOpen">,
  ): Promise<WindowCheck> {
    const check = new WindowCheck(calendar);
    const types = ["DatabaseRegistered", "PolicyChanged"] as const;
    for await (const events of scan.chunks({ first: 0, last: first - 1 }, { types }))
      for (const event of events) check.add(event, () => undefined);
    return check;
  }

  add(event: RecordedEvent, changeOf: (runId: string) => Change | undefined): void {
    if (event.type === "DatabaseRegistered" || event.type === "PolicyChanged")
      this.#policies.set(event.stream, event.data.policy);
    if (event.type === "RunStarted") this.#look(event, changeOf(event.data.runId));
  }

  #look(event: Recorded<"RunStarted">, change: Change | undefined): void {
    if (change === undefined || change.class !== "normal" || change.rehearsalOnly) return;
    const policy = this.#policies.get(databaseStream(change.databaseId));
    if (policy?.window !== undefined && !this.#calendar.isOpen(policy.window, event.time))
      this.#note(event, "Began while the window of its database was closed");
    const at = Date.parse(event.time);
    const isIn = ({ from, to }: { readonly from: string; readonly to: string }): boolean =>
      Date.parse(from) <= at && at < Date.parse(to);
    if (policy?.freezes?.some(isIn) === true)
      this.#note(event, "Began during a freeze of its database");
  }

  #note(event: Recorded<"RunStarted">, text: string): void {
    const databaseId = databaseIdOf(event.stream) ?? null;
    const { runId } = event.data;
    this.found.push({ kind: "began-outside-window", ...evidence(event), databaseId, runId, text });
  }
}
