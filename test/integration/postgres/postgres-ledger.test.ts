import { ledgerContract } from "../contracts/ledger.contract.ts";
import { checkEd25519 } from "../../../src/infra/signing/ed25519-signer.ts";
import { MAJORS } from "../../support/postgres/programs.ts";
import { openPostgresLedger } from "../../support/postgres/ledger.ts";
import { postgresServer } from "../../support/postgres/server.ts";
import { SIGNER } from "../../support/sqlite-ledger.ts";

for (const major of MAJORS) {
  // One database for all: making and dropping one takes longer than a test.
  let url: Promise<string> | undefined;
  ledgerContract(`PostgresLedger on ${major}`, () => ({
    open: async (clock) => {
      url ??= postgresServer(major).then((server) => server.createDatabase());
      return openPostgresLedger(await url, { ...(clock && { clock }) });
    },
    verifierKey: SIGNER.verifierKey,
    check: checkEd25519,
    dispose: async () => {
      const server = await postgresServer(major);
      await server.query("DROP SCHEMA schemaledger CASCADE", await url);
    },
  }));
}
