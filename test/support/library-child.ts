import { openSchemaledger } from "../../src/library/open-schemaledger.ts";

/*
 * An application that migrates at its start, as a process. Arguments: data directory, database,
 * folder, ms to wait for others. It waits for one message before it begins, and sends its outcome.
 */
const [data, database, migrations, waitMs] = process.argv.slice(2);

process.once("message", () => {
  migrate().then(
    ({ outcome, version }) => process.send!({ outcome, version }, leave),
    (error: Error & { code?: string }) =>
      process.send!({ outcome: error.code ?? error.message, version: null }, leave),
  );
});
process.send!("ready");

async function migrate() {
  const ledger = await openSchemaledger({ data: data!, waitMs: Number(waitMs) });
  return ledger.migrate({ database: database!, migrations: migrations!, reason: "Start" });
}

const leave = (): void => process.disconnect();
