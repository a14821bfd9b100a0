import { InvalidInput } from "../../../domain/shared/errors.ts";

/** Where a PostgreSQL database is, and as whom it is used. */
export interface Address {
  /** Canonical, without a password: what the ledger keeps. */
  readonly url: string;
  /** A name, an address, or the directory of a socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly parameters: { readonly [name in Parameter]?: string };
}

const PARAMETERS = [
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "connect_timeout",
  /** The schema of the product's own tables. */
  "markers",
] as const;
type Parameter = (typeof PARAMETERS)[number];

const SSL_MODES: ReadonlySet<string> = new Set([
  "disable",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
]);

/** Whether a text is the url of a PostgreSQL database. */
export const isPostgresUrl = (text: string): boolean => /^postgres(ql)?:\/\//i.test(text);

/** An address and the password that was written in its url, if one was. */
export interface Submitted {
  readonly address: Address;
  readonly password: string | undefined;
}

/** Takes a url apart. Errors: `InvalidInput` url-invalid. Never repeats a password. */
export function readAddress(text: string): Submitted {
  const url = parse(text);
  const database = decode(url.pathname.slice(1));
  const user = decode(url.username);
  const host = decode(url.hostname);
  if (host === "") throw invalid("It names no host");
  if (user === "") throw invalid("It names no user: postgres://USER@HOST/DATABASE");
  if (database === "" || database.includes("/")) throw invalid("It names no database");
  const parameters: { [name in Parameter]?: string } = {};
  let password = url.password === "" ? undefined : decode(url.password);
  for (const [name, value] of url.searchParams) {
    if (name === "password") password = value;
    else if (isKnown(name)) parameters[name] = value;
    else throw invalid(`It has the parameter ${name}; known are ${PARAMETERS.join(", ")}`);
  }
  refuseParameters(parameters);
  const port = url.port === "" ? 5432 : Number(url.port);
  const address = { host: host.toLowerCase(), port, user, database, parameters };
  return { address: { ...address, url: canonical(address) }, password };
}

function parse(text: string): URL {
  try {
    if (isPostgresUrl(text)) return new URL(text);
  } catch {
    // The text may hold a password: it is not repeated, and neither is what the parser says of it.
  }
  throw invalid("It is no url of the form postgres://USER@HOST:PORT/DATABASE");
}

function refuseParameters({ sslmode, connect_timeout, markers }: Address["parameters"]): void {
  if (sslmode !== undefined && !SSL_MODES.has(sslmode))
    throw invalid(`Its sslmode is none of ${[...SSL_MODES].join(", ")}`);
  if (connect_timeout !== undefined && !/^[1-9][0-9]{0,3}$/.test(connect_timeout))
    throw invalid("Its connect_timeout is no number of seconds");
  if (
    markers !== undefined &&
    (!/^[a-z_][a-z0-9_]{0,62}$/.test(markers) || markers.startsWith("pg_"))
  )
    throw invalid("Its parameter markers is no plain name of a schema (a-z, 0-9, underscore)");
}

const isKnown = (name: string): name is Parameter =>
  (PARAMETERS as readonly string[]).includes(name);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("It has a percent sign that escapes nothing");
  }
}

function canonical({ host, port, user, database, parameters }: Omit<Address, "url">): string {
  const [name, place, path] = [user, host, database].map(encodeURIComponent);
  const at = host.startsWith("[") ? host : place;
  const query = PARAMETERS.flatMap((key) => {
    const value = parameters[key];
    return value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`];
  });
  return `postgres://${name}@${at}:${port}/${path}${query.length === 0 ? "" : `?${query.join("&")}`}`;
}

const invalid = (why: string): InvalidInput =>
  new InvalidInput("url-invalid", `The url of the database cannot be used. ${why}`, {
    hint: "postgres://USER@HOST:5432/DATABASE?sslmode=verify-full; the guide on PostgreSQL databases says where the password is kept",
  });
