import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Unavailable } from "../../../domain/shared/errors.ts";
import { writeFileAtomic } from "../../files/atomic-write.ts";
import { type Address, readAddress } from "./address.ts";

/**
 * Passwords of managed databases: never in the ledger. Looked up, in this order, in the service's own
 * file (libpq's format, 0600, beside its keys) and in libpq's file of whoever runs the service. Both say
 * for which host a password is: none is shown to a server that somebody else names. So PGPASSWORD is not read.
 */
export class Passwords {
  readonly #own: string;
  readonly #environment: { readonly [name: string]: string | undefined };
  /** Of urls that were submitted with a password and are not registered yet. */
  readonly #offered = new Map<string, string>();

  constructor(
    own: string,
    environment: { readonly [name: string]: string | undefined } = process.env,
  ) {
    this.#own = own;
    this.#environment = environment;
  }

  /** Takes a submitted url apart and remembers its password until it is kept. Errors: url-invalid. */
  offer(text: string): Address {
    const { address, password } = readAddress(text);
    if (password !== undefined) this.#offered.set(address.url, password);
    return address;
  }

  /** Writes the password that was offered with the url into the service's own file, if one was. */
  async keep(url: string): Promise<void> {
    const password = this.#offered.get(url);
    if (password === undefined) return;
    const { address } = readAddress(url);
    if ((await passwordIn(this.#own, address)) !== password) {
      const lines = (await linesOf(this.#own)).filter((line) => !isAbout(line, address));
      lines.push(lineOf(address, password));
      await writeFileAtomic(this.#own, `${lines.join("\n")}\n`, 0o600);
    }
    this.#offered.delete(url);
  }

  /** Undefined if nobody knows one: the server may not want any. */
  async of(url: string): Promise<string | undefined> {
    const { address } = readAddress(url);
    const { PGPASSFILE = join(homedir(), ".pgpass") } = this.#environment;
    return (
      (await passwordIn(this.#own, address)) ??
      this.#offered.get(address.url) ??
      (await passwordIn(PGPASSFILE, address))
    );
  }
}

async function passwordIn(file: string, address: Address): Promise<string | undefined> {
  for (const line of await linesOf(file)) {
    const fields = fieldsOf(line);
    if (fields.length === 5 && matches(fields, address)) return fields[4];
  }
  return undefined;
}

/** libpq ignores a file that others can read, too. */
async function linesOf(file: string): Promise<string[]> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0)
      throw new Unavailable("passwords-readable", `${file} can be read by others`, {
        hint: `chmod 600 ${file}`,
      });
    const text = await readFile(file, "utf8");
    return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** `host:port:database:user:password`; a backslash escapes a colon or itself. */
function fieldsOf(line: string): string[] {
  const fields: string[] = [""];
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at]!;
    if (character === "\\" && at + 1 < line.length) fields[fields.length - 1] += line[(at += 1)]!;
    else if (character === ":" && fields.length < 5) fields.push("");
    else fields[fields.length - 1] += character;
  }
  return fields;
}

const partsOf = ({ host, port, database, user }: Address): string[] => [
  host,
  String(port),
  database,
  user,
];

function matches(fields: readonly string[], address: Address): boolean {
  const parts = partsOf(address);
  if (address.host.startsWith("/") && fields[0] === "localhost") parts[0] = "localhost";
  return parts.every((part, at) => fields[at] === "*" || fields[at] === part);
}

const isAbout = (line: string, address: Address): boolean =>
  fieldsOf(line).slice(0, 4).join("\0") === partsOf(address).join("\0");

const lineOf = (address: Address, password: string): string =>
  [...partsOf(address), password]
    .map((field) => field.replaceAll(/[\\:]/g, (found) => `\\${found}`))
    .join(":");
