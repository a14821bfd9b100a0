import type { DomainError } from "../../src/domain/shared/errors.ts";
import { appendTo, revoked } from "./ledger-samples.ts";
import { openLedger } from "./sqlite-ledger.ts";

/**
 * Appends groups of two until the file system refuses (the parent limits the size of files), then
 * tells the codes of the refusals, how many events were acknowledged, and the size of the ledger.
 */
const ledger = openLedger(process.argv[2]!);
let acknowledged = 0;
let codes: readonly string[] = [];
while (codes.length === 0) {
  const group = [1, 2].map(async () => {
    const { events } = await ledger.append(appendTo("a", "any", { events: revoked(20) }));
    acknowledged += events.length;
  });
  const results = await Promise.allSettled(group);
  codes = results.flatMap((r) => (r.status === "rejected" ? [(r.reason as DomainError).code] : []));
}
const { size } = await ledger.head();
console.log(JSON.stringify({ acknowledged, codes, size }));
process.kill(process.pid, "SIGKILL");
