import { existsSync } from "node:fs";
import { join } from "node:path";
import { verifyLedgerFile } from "../../../../src/infra/sqlite/verify-ledger.ts";
import { digest } from "../../digest.ts";
import { appendTo, query, revoked } from "../../ledger-samples.ts";
import { openLedger, SIGNER } from "../../sqlite-ledger.ts";
import type { Subject } from "../subject.ts";

/** Events a transaction. */
const APPENDS = [1, 3, 6];
const FILE = "ledger.db";

async function append(root: string, promise: (what: string) => void): Promise<void> {
  const ledger = openLedger(join(root, FILE));
  try {
    for (const count of APPENDS) {
      const { events } = await ledger.append(appendTo("a", "any", { events: revoked(count) }));
      for (const { index, id } of events) promise(`${index} ${id}`);
    }
  } finally {
    await ledger.close();
  }
}

/** Every promised event is where it was said to be, and the ledger proves itself. */
async function inspect(root: string, _: unknown, promised: readonly string[]): Promise<string[]> {
  const file = join(root, FILE);
  if (!existsSync(file) && promised.length > 0) return ["the ledger is gone"];
  const ledger = openLedger(file);
  const wrong: string[] = [];
  try {
    const there = new Map(ledger.readRows(query()).map(({ index, id }) => [String(index), id]));
    for (const promise of promised) {
      const [index, id] = promise.split(" ");
      if (there.get(index!) !== id) wrong.push(`event ${index} was acknowledged and is lost`);
    }
  } finally {
    await ledger.close();
  }
  const { findings } = await verifyLedgerFile(file, { digest, verifierKeys: [SIGNER.verifierKey] });
  return [...wrong, ...findings.map(({ code, index }) => `${code} ${index ?? ""}`)];
}

async function goOn(root: string): Promise<string[]> {
  const promised: string[] = [];
  await append(root, (what) => promised.push(what));
  return inspect(root, null, promised);
}

/** Appends to a ledger that has some events. */
export const ledgerAppends: Subject<null> = {
  async prepare(root) {
    await append(root, () => {});
    return null;
  },
  act: (root, _, promise) => append(root, promise),
  inspect,
  goOn,
};

/** The first appends, to a file that there is not yet. */
export const ledgerBegins: Subject<null> = {
  prepare: () => Promise.resolve(null),
  act: (root, _, promise) => append(root, promise),
  inspect,
  goOn,
};
