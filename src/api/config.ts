import { isAbsolute, join, resolve } from "node:path";
import type { OidcOptions } from "../infra/identity/oidc-issuer.ts";
import { httpOf, type HttpOptions, type RawHttp } from "./http-config.ts";
import { oidcOf, type RawOidc } from "./oidc-config.ts";
import { backupStoreOf, type BackupStoreSetting, type RawS3 } from "./s3-config.ts";
import type { AuditReads } from "../domain/audit/access-log.ts";
import { isRecipient } from "../infra/page-store/age.ts";
import { OWN } from "../infra/page-store/backup-keys.ts";
import { readAddress } from "../infra/postgres/connection/address.ts";
import { InvalidInput } from "../domain/shared/errors.ts";

/** What everything but HTTP is opened with, checked. */
export interface CoreConfig {
  /** The data directory, absolute. */
  readonly data: string;
  /** Directories under which managed databases may lie, absolute. */
  readonly roots: readonly string[];
  /** An identity provider whose tokens are accepted beside API keys. */
  readonly oidc?: OidcOptions;
  /** Default: all. */
  readonly auditReads?: AuditReads;
  /** Migrations may bring code. Default: no. */
  readonly allowCode?: boolean;
  /** age recipients of backups; absent: as the store's newest key has them; `none`: no encryption. */
  readonly backupRecipients?: readonly string[] | "none";
  /** age identity file that opens the backups. Absent: one in the data directory, made when needed. */
  readonly backupIdentity?: string;
  /** Where backups lie. Absent: as when it was said last; at first in the data directory. */
  readonly backupStore?: BackupStoreSetting;
  /** The url of a ledger in PostgreSQL. Absent: as it was said last; at first a file in the directory. */
  readonly ledger?: string;
  /** How long a service that is not heard of keeps the right to work with a shared ledger, ms. */
  readonly leaseMs?: number;
}

/** What the service is started with, checked. */
export interface Config extends CoreConfig, HttpOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
}

/** The ledger's file in the data directory. */
export const ledgerFile = ({ data }: { readonly data: string }): string => join(data, "ledger.db");

/** Where hashes of the Merkle tree are cached; it may be removed at any time. */
export const tileCache = ({ data }: { readonly data: string }): string => join(data, "tiles", "1");

/** Passwords of PostgreSQL databases, in libpq's format. */
export const passwordFile = ({ data }: { readonly data: string }): string =>
  join(data, "keys", "pgpass");

/** The backup store in the data directory. */
export const backupsIn = ({ data }: { readonly data: string }): string => join(data, "backups");

/** As flags or environment give it. */
export interface RawConfig extends RawOidc, RawHttp, RawS3 {
  readonly data: string;
  readonly host: string;
  readonly port: string | number;
  readonly roots: readonly string[];
  readonly auditReads?: string;
  readonly allowCode?: boolean;
  readonly backupRecipients?: readonly string[] | undefined;
  readonly backupIdentity?: string;
  readonly ledger?: string;
  readonly lease?: string | number;
  /** Flag → where its value was said, if not by the flag: for messages. */
  readonly sources?: { readonly [flag: string]: string };
}

const HOST = /^[A-Za-z0-9.:_-]{1,253}$/;

/** Errors: InvalidInput config-invalid, which names the flag, or the variable or file that said it. */
export function readConfig(raw: RawConfig): Config {
  try {
    return read(raw);
  } catch (error) {
    if (!(error instanceof WrongSetting)) throw error;
    const { flag, why } = error;
    const source = raw.sources?.[flag] ?? flag;
    throw new InvalidInput("config-invalid", `${source}: ${why}`, {
      hint:
        source === flag
          ? `Correct ${flag}, or its twin in the environment`
          : `Correct it there; ${flag} on the command line would win`,
    });
  }
}

function read(raw: RawConfig): Config {
  const oidc = oidcOf(raw, invalid);
  const backupStore = backupStoreOf(raw, invalid);
  return {
    ...(oidc === undefined ? {} : { oidc }),
    ...(backupStore === undefined ? {} : { backupStore }),
    data: directory("--data", raw.data),
    host: hostOf(raw.host),
    ...httpOf(raw, invalid),
    port: portOf(raw.port),
    roots: rootsOf(raw.roots),
    ...(raw.ledger === undefined ? {} : { ledger: ledgerOf(raw.ledger) }),
    ...(raw.lease === undefined ? {} : { leaseMs: leaseOf(raw.lease) }),
    auditReads: auditReadsOf(raw.auditReads ?? "all"),
    allowCode: raw.allowCode ?? false,
    ...recipientsOf(raw.backupRecipients ?? []),
    ...(raw.backupIdentity === undefined
      ? {}
      : { backupIdentity: directory("--backup-identity", raw.backupIdentity) }),
  };
}

/** The message names what is wrong with it, and repeats nothing of it: there may be a password in it. */
function ledgerOf(url: string): string {
  try {
    readAddress(url);
    return url;
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    throw invalid("--ledger", error.message);
  }
}

function leaseOf(seconds: string | number): number {
  const value = /^\d{1,4}$/.test(String(seconds)) ? Number(seconds) : 0;
  if (value >= 1 && value <= 3600) return value * 1000;
  throw invalid("--lease", `${JSON.stringify(seconds)} is not a number of seconds from 1 to 3600`);
}

function auditReadsOf(reads: string): AuditReads {
  if (reads === "all" || reads === "exports") return reads;
  const oneIn = /^sample:([1-9]\d{0,5})$/.exec(reads)?.[1];
  if (oneIn !== undefined) return `sample:${Number(oneIn)}`;
  throw invalid("--audit-reads", `${JSON.stringify(reads)} is not all, sample:N or exports`);
}

function recipientsOf(recipients: readonly string[]): Pick<CoreConfig, "backupRecipients"> {
  if (recipients.length === 0) return {};
  if (recipients.includes("none")) {
    if (recipients.length === 1) return { backupRecipients: "none" };
    throw invalid("--backup-recipient", "none cannot be combined with recipients");
  }
  const wrong = recipients.find((one) => one !== OWN && !isRecipient(one));
  if (wrong === undefined) return { backupRecipients: recipients };
  throw invalid("--backup-recipient", `${JSON.stringify(wrong)} is no age recipient (age1…)`);
}

function rootsOf(roots: readonly string[]): readonly string[] {
  if (roots.length === 0) throw invalid("--root", "at least one directory is needed");
  return roots.map((root) => directory("--root", root));
}

function hostOf(host: string): string {
  if (HOST.test(host)) return host;
  throw invalid("--host", `${JSON.stringify(host)} is neither a name nor an address`);
}

function portOf(port: string | number): number {
  const number = /^\d{1,5}$/.test(String(port)) ? Number(port) : Number.NaN;
  if (number <= 65_535) return number;
  throw invalid("--port", `${JSON.stringify(port)} is not a number from 0 to 65535`);
}

function directory(flag: string, path: string): string {
  if (path === "" || path.includes("\0")) throw invalid(flag, "the path is empty or malformed");
  return isAbsolute(path) ? path : resolve(path);
}

/** Told with where the value came from. */
class WrongSetting extends Error {
  readonly flag: string;
  readonly why: string;

  constructor(flag: string, why: string) {
    super(`${flag}: ${why}`);
    this.flag = flag;
    this.why = why;
  }
}

const invalid = (flag: string, why: string): WrongSetting => new WrongSetting(flag, why);
