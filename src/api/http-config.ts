import { isAbsolute, resolve } from "node:path";
import type { TlsFiles } from "./manners/tls-files.ts";

/** As flags, environment or file give it. */
export interface RawHttp {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly corsOrigins?: readonly string[] | undefined;
  readonly rateLimit?: string | number | undefined;
}

/** How the service is reached, checked. */
export interface HttpOptions {
  /** Absent: the service speaks HTTP. */
  readonly tls?: TlsFiles;
  /** Origins whose pages may use the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** Requests a second of one caller; 0: as many as they like. */
  readonly rateLimit: number;
}

type Invalid = (flag: string, why: string) => Error;

export const DEFAULT_RATE = 200;
const MAX_RATE = 1_000_000;

/** Errors are made by `invalid`. */
export function httpOf(raw: RawHttp, invalid: Invalid): HttpOptions {
  const { tlsCert: cert, tlsKey: key } = raw;
  if ((cert === undefined) !== (key === undefined))
    throw invalid(
      cert === undefined ? "--tls-cert" : "--tls-key",
      "certificate and key go together: one of them is missing",
    );
  return {
    ...(cert === undefined || key === undefined
      ? {}
      : {
          tls: {
            cert: pathOf("--tls-cert", cert, invalid),
            key: pathOf("--tls-key", key, invalid),
          },
        }),
    corsOrigins: (raw.corsOrigins ?? []).map((origin) => originOf(origin, invalid)),
    rateLimit: rateOf(raw.rateLimit ?? DEFAULT_RATE, invalid),
  };
}

function pathOf(flag: string, path: string, invalid: Invalid): string {
  if (path === "" || path.includes("\0")) throw invalid(flag, "the path is empty or malformed");
  return isAbsolute(path) ? path : resolve(path);
}

/** Exactly as browsers send it: no path, no `*`, no capitals, no port that is the usual one. */
function originOf(origin: string, invalid: Invalid): string {
  const url = URL.parse(origin);
  if (url !== null && url.origin === origin && /^https?:/.test(origin)) return origin;
  throw invalid(
    "--cors-origin",
    `${JSON.stringify(origin)} is not an origin: write https://host or https://host:port`,
  );
}

function rateOf(rate: string | number, invalid: Invalid): number {
  const number = /^\d{1,7}$/.test(String(rate)) ? Number(rate) : Number.NaN;
  if (number <= MAX_RATE) return number;
  throw invalid("--rate-limit", `${JSON.stringify(rate)} is not a number from 0 to ${MAX_RATE}`);
}
