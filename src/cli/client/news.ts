import type { Progress } from "../../domain/engine/database-engine.ts";
import type { RunSignal } from "../../library/desk.ts";
import type { Client } from "./client.ts";
import { serverSentEvents } from "./server-sent-events.ts";

interface RecordedEvent {
  readonly type: string;
  readonly data: { readonly [member: string]: unknown };
}

/** Tells what happens to a run, a restore or a recovery, until it has ended or the stream breaks. */
export async function hearNews(
  client: Client,
  path: string,
  hear: (signal: RunSignal) => void,
): Promise<void> {
  try {
    const stream = client.stream(`${path}/events`, "text/event-stream");
    for await (const { event, data } of serverSentEvents(stream))
      if (event === "progress") hear({ kind: "progress", progress: JSON.parse(data) as Progress });
      else if (event !== "end") {
        const signal = signalOf(JSON.parse(data) as RecordedEvent);
        hear(signal);
        // It waits for its time now, and nobody waits for that here.
        if (signal.kind === "event" && signal.type.endsWith("Scheduled")) return;
      }
  } catch {
    // The news are for people; what became of the operation is asked for next.
  }
}

const signalOf = ({ type, data }: RecordedEvent): RunSignal => ({ kind: "event", type, data });
