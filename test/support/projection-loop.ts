import { appendTo } from "./ledger-samples.ts";
import { startProjection } from "./projection.ts";
import { randomHistory } from "./random-history.ts";
import { openLedger } from "./sqlite-ledger.ts";

/** A process that appends histories for ever, with a projection that stores after every few. */
const [, , ledgerFile, projectionFile, prefix] = process.argv;
const ledger = openLedger(ledgerFile!);
const { notices } = await startProjection(ledger, projectionFile!);
process.stdout.write(`${JSON.stringify(notices)}\n`);
for (let n = 0; ; n += 1)
  for (const { stream, events } of randomHistory(n, 20, `${prefix}-${n}`))
    await ledger.append(appendTo(stream, "any", { events }));
