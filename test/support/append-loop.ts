import { appendTo, revoked } from "./ledger-samples.ts";
import { openLedger } from "./sqlite-ledger.ts";

/** A process that appends for ever and writes the index of each acknowledged event to stdout. */
const ledger = openLedger(process.argv[2]!);

async function appendForEver(stream: string): Promise<void> {
  for (let count = 1; ; count = (count % 5) + 1) {
    const { events } = await ledger.append(appendTo(stream, "any", { events: revoked(count) }));
    process.stdout.write(events.map((event) => `${event.index} ${event.id}\n`).join(""));
  }
}

await Promise.all(["a", "b", "c", "d"].map(appendForEver));
