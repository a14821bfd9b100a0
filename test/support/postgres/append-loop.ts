import { appendTo, revoked } from "../ledger-samples.ts";
import { openPostgresLedger, placeIn } from "./ledger.ts";

/** A process that appends for ever and writes index and id of each acknowledged event to stdout. */
const [url, instance] = process.argv.slice(2) as [string, string];
const place = placeIn(url, { requireFsync: true, instance });
const ledger = await openPostgresLedger(url, { place, instance });

async function appendForEver(stream: string): Promise<void> {
  for (let count = 1; ; count = (count % 5) + 1) {
    const append = appendTo(stream, "any", { events: revoked(count, instance) });
    const { events } = await ledger.append(append);
    process.stdout.write(events.map(({ index, id }) => `${index} ${id}\n`).join(""));
  }
}

await Promise.all(["a", "b", "c"].map(appendForEver));
