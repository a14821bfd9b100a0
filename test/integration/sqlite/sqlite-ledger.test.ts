import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ledgerContract } from "../contracts/ledger.contract.ts";
import { checkEd25519 } from "../../../src/infra/signing/ed25519-signer.ts";
import { openLedger, SIGNER } from "../../support/sqlite-ledger.ts";

ledgerContract("SqliteLedger", () => {
  const directory = mkdtempSync(join(tmpdir(), "schemaledger-ledger-"));
  return {
    open: async (clock) => openLedger(join(directory, "ledger.db"), { ...(clock && { clock }) }),
    verifierKey: SIGNER.verifierKey,
    check: checkEd25519,
    dispose: async () => rmSync(directory, { recursive: true, force: true }),
  };
});
