import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { Conflict } from "../domain/shared/errors.ts";
import { writeFileAtomic } from "../infra/files/atomic-write.ts";
import { readAddress } from "../infra/postgres/connection/address.ts";
import { Passwords } from "../infra/postgres/connection/password-file.ts";
import type { LedgerPlace } from "../infra/postgres/ledger/session.ts";
import { isSealedFile } from "../infra/sqlite/sealed-file.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import type { AnyKeyring } from "../infra/signing/no-keys.ts";
import type { Log } from "../infra/telemetry/logger.ts";
import type { Closers } from "./closers.ts";
import { ledgerFile, type CoreConfig } from "./config.ts";
import type { SharedLedger } from "./shared-ledger.ts";

/** Where a data directory says that its ledger is in PostgreSQL: the url, without a password. */
export const ledgerUrlFile = (data: string): string => join(data, "ledger-url");

/** The url of a directory's ledger, or undefined: the ledger is a file in it. */
export async function storedLedgerUrl(data: string): Promise<string | undefined> {
  const file = ledgerUrlFile(data);
  return existsSync(file) ? (await readFile(file, "utf8")).trim() : undefined;
}

/** From now on the directory's ledger is there; undefined: in the directory's own file. */
export const storeLedgerUrl = (data: string, url: string): Promise<void> =>
  writeFileAtomic(ledgerUrlFile(data), `${url}\n`);

/**
 * The PostgreSQL ledger that a data directory works with: the one that is said, else the one that
 * was said last. Undefined: the file in the directory. What is said is remembered once it was
 * opened, so that no command begins another ledger under the same name. Errors: Conflict ledger-elsewhere.
 */
export async function ledgerPlaceOf({
  data,
  ledger,
}: Pick<CoreConfig, "data" | "ledger">): Promise<LedgerPlace | undefined> {
  const stored = await storedLedgerUrl(data);
  if (ledger === undefined) return stored === undefined ? undefined : placeOf(data, stored);
  const { url } = readAddress(ledger).address;
  if (stored !== undefined && stored !== url) throw elsewhere(data, stored);
  const file = ledgerFile({ data });
  if (stored === undefined && existsSync(file) && !isSealedFile(file)) throw elsewhere(data, file);
  return placeOf(data, ledger);
}

/** Once it was opened: every command finds it without being told. */
export async function rememberLedger(data: string, { address }: LedgerPlace): Promise<void> {
  if ((await storedLedgerUrl(data)) !== address.url) await storeLedgerUrl(data, address.url);
}

/** A ledger in PostgreSQL, if that is where the directory's is. What speaks to it is only loaded then. */
export async function openShared(
  place: LedgerPlace | undefined,
  signers: AnyKeyring,
  log: Log,
  closers: Closers,
  token?: number,
): Promise<SharedLedger | undefined> {
  if (place === undefined) return undefined;
  const { openSharedLedger } = await import("./shared-ledger.ts");
  const shared = await openSharedLedger(place, { signers, digest: new NodeDigest() }, token);
  closers.add(() => shared.close());
  if (await shared.couldRewrite())
    log({
      level: "warn",
      code: "ledger-role-owns",
      message: `The role of ${place.address.url} could change what is recorded: it owns the tables`,
      hint: "Let another role own them: docs/guides/postgres-ledger.md",
    });
  return shared;
}

/** How a ledger is connected to. Passwords: in the url, in `keys/pgpass`, or as libpq finds them. */
export async function placeOf(data: string, url: string): Promise<LedgerPlace> {
  const { address, password } = readAddress(url);
  const passwords = new Passwords(join(data, "keys", "pgpass"));
  return {
    address,
    password: password ?? (await passwords.of(address.url)),
    instance: `${hostname()}:${process.pid}`,
  };
}

const elsewhere = (data: string, where: string): Conflict =>
  new Conflict("ledger-elsewhere", `The ledger of ${data} is ${where}`, {
    hint: "Leave --ledger out to go on with it",
  });
