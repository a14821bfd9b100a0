import { readAddress } from "../infra/postgres/connection/address.ts";
import { Passwords } from "../infra/postgres/connection/password-file.ts";
import { grantService, installSchema } from "../infra/postgres/ledger/install.ts";
import { openFailed } from "../infra/postgres/ledger/errors.ts";
import { openSession } from "../infra/postgres/ledger/session.ts";
import { drop } from "../infra/postgres/ledger/sessions.ts";

/** Makes a ledger's tables as the url's role, which owns them, and grants another what a service needs. */
export async function setUpLedger(
  ledger: string,
  role: string,
): Promise<{ readonly url: string; readonly role: string }> {
  const { address, password } = readAddress(ledger);
  const known = password ?? (await new Passwords("").of(address.url));
  try {
    const client = await openSession({ address, password: known, instance: "setup" }, "reader");
    try {
      await installSchema(client, address.url);
      await grantService(client, role);
    } finally {
      await drop(client);
    }
  } catch (error) {
    throw openFailed(address.url, error);
  }
  return { url: address.url, role };
}
