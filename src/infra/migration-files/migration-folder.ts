import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  realpathSync,
  statSync,
  type Dirent,
} from "node:fs";
import { join, relative, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import { InvalidInput } from "../../domain/shared/errors.ts";

/** Longest script, bytes: as much as the API takes. */
export const MAX_SCRIPT_BYTES = 16 << 20;

/** Files read between two turns of the event loop. */
const BATCH = 64;

/** Files that are looked into to recognise a format: the first ones and the last. */
const PEEKS = 8;

export interface Peeked {
  readonly file: string;
  readonly text: string;
}

/** The regular files of a folder of migrations, with their texts. Folders below are listed too. */
export class MigrationFolder {
  readonly path: string;
  /** Relative paths with `/`, sorted. */
  readonly files: readonly string[];
  readonly #real: string;
  readonly #links: ReadonlySet<string>;
  readonly #peeked = new Map<string, string>();
  #names: ReadonlySet<string> | undefined;
  #reads = 0;

  private constructor(path: string, real: string, listing: Listing) {
    this.path = path;
    this.#real = real;
    this.files = listing.files.toSorted();
    this.#links = listing.links;
  }

  /** Error: InvalidInput migrations-unreadable. */
  static open(path: string): MigrationFolder {
    try {
      const real = realpathSync(path);
      return new MigrationFolder(path, real, list(real));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** Absolute, links resolved. Error: InvalidInput migration-file-outside. */
  pathOf(file: string): string {
    return this.#links.has(file) ? this.#inside(file) : `${this.#real}/${file}`;
  }

  has(file: string): boolean {
    return (this.#names ??= new Set(this.files)).has(file);
  }

  /** A look at a few of the files, to recognise them. What cannot be read looks empty. */
  async peek(choose: (file: string) => boolean): Promise<readonly Peeked[]> {
    const chosen = this.files.filter(choose);
    const some = chosen.length <= PEEKS ? chosen : [...chosen.slice(0, PEEKS - 1), chosen.at(-1)!];
    const peeked: Peeked[] = [];
    for (const file of some) peeked.push({ file, text: await this.#glance(file) });
    return peeked;
  }

  async #glance(file: string): Promise<string> {
    const known = this.#peeked.get(file);
    if (known !== undefined) return known;
    try {
      const text = await this.text(file);
      this.#peeked.set(file, text);
      return text;
    } catch (error) {
      // Whatever is wrong with it is told by whoever reads all files.
      if (error instanceof InvalidInput) return "";
      throw error;
    }
  }

  /**
   * The file's text, without a byte order mark. Errors: InvalidInput migration-file-outside,
   * migration-too-large, migration-not-utf8.
   */
  async text(file: string): Promise<string> {
    const peeked = this.#peeked.get(file);
    if (peeked !== undefined) return peeked;
    // Reading synchronously is several times faster for thousands of small files.
    if (++this.#reads % BATCH === 0) await setImmediate();
    // Joined by hand: cleaning thousands of paths takes longer than opening the files.
    const path = this.pathOf(file);
    return readable(file, () => textOf(file, path));
  }

  /** Whether the file begins with a byte order mark. */
  hasMark(file: string): boolean {
    const descriptor = openSync(this.pathOf(file), "r");
    try {
      const read = readSync(descriptor, WINDOW, 0, MARK_BYTES.length, 0);
      return MARK_BYTES.equals(WINDOW.subarray(0, read));
    } finally {
      closeSync(descriptor);
    }
  }

  /** A link may lead around inside the folder, as volumes mounted into containers do. */
  #inside(file: string): string {
    const path = readable(file, () => realpathSync(join(this.#real, file)));
    if (path.startsWith(this.#real + sep)) return path;
    throw new InvalidInput("migration-file-outside", `${file} is a link out of the folder`, {
      hint: "Put the file itself there: what a link leads to can change unnoticed",
    });
  }
}

/** Most files fit: reading them needs no look at their size first. Used synchronously alone. */
const WINDOW = Buffer.allocUnsafe(64 << 10);

function textOf(file: string, path: string): string {
  const descriptor = openSync(path, "r");
  try {
    const bytes = readSync(descriptor, WINDOW, 0, WINDOW.length, 0);
    const isAll = bytes < WINDOW.length && readSync(descriptor, WINDOW, bytes, 1, bytes) === 0;
    if (isAll) return decoded(file, WINDOW.subarray(0, bytes));
    const { size } = fstatSync(descriptor);
    if (size > MAX_SCRIPT_BYTES) throw tooLarge(file, size);
    return decoded(file, readFileSync(path));
  } finally {
    closeSync(descriptor);
  }
}

const tooLarge = (file: string, size: number): InvalidInput =>
  new InvalidInput(
    "migration-too-large",
    `${file} has ${size} bytes; a script may have ${MAX_SCRIPT_BYTES}`,
    { hint: "Load bulk data outside of migrations, or split the file" },
  );

function unreadable(path: string, error: unknown): InvalidInput {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const [message, hint] =
    code === "ENOENT"
      ? [`There is no folder ${path}`, "Name the folder that holds the migration files"]
      : code === "ENOTDIR"
        ? [`${path} is a file, where a folder of migration files should be`, ORDER]
        : [`${path} cannot be read: ${code}`, "See that this user may read it"];
  return new InvalidInput("migrations-unreadable", message, { hint });
}

const ORDER = "The database comes first, then the folder: schemaledger migrate app.db ./migrations";

function readable<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidInput) throw error;
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new InvalidInput("migrations-unreadable", `${file} cannot be read: ${why}`, {
      hint: "See that it is there and may be read; a link may lead to nothing",
    });
  }
}

interface Listing {
  readonly files: string[];
  /** Those of the files that are links. */
  readonly links: Set<string>;
}

/** Everything below that is a file or a link to one; hidden folders are no part of it. */
function list(root: string): Listing {
  const listing: Listing = { files: [], links: new Set() };
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!entry.name.startsWith(".")) visit(path);
      } else if (isFile(entry, path)) {
        const file = relative(root, path).split(sep).join("/");
        listing.files.push(file);
        if (entry.isSymbolicLink()) listing.links.add(file);
      }
    }
  };
  visit(root);
  return listing;
}

/** A link to a folder is not followed: it may lead in a circle. A link to nothing is a file. */
const isFile = (entry: Dirent, path: string): boolean =>
  entry.isFile() || (entry.isSymbolicLink() && !leadsToFolder(path));

function leadsToFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const REPLACEMENT = "\ufffd";
/** The byte order mark. */
export const MARK = "\ufeff";
const MARK_BYTES = Buffer.from(MARK);

/** Quick for text that is UTF-8: what is not shows by this character, which may also stand there. */
function decoded(file: string, bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (text.includes(REPLACEMENT)) return decode(file, bytes);
  return text.startsWith(MARK) ? text.slice(1) : text;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** TextDecoder also takes the byte order mark away. */
function decode(file: string, bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new InvalidInput("migration-not-utf8", `${file} is not UTF-8 ${encodingOf(bytes)}`, {
      hint: "Save it as UTF-8: guessing an encoding would change the data it writes",
    });
  }
}

function encodingOf(bytes: Buffer): string {
  const [first, second] = bytes;
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return isWide ? "(it looks like UTF-16)" : `(see around byte ${firstBad(bytes)})`;
}

/** How many bytes at the beginning can be decoded. */
function firstBad(bytes: Buffer): number {
  let [good, bad] = [0, bytes.length];
  while (good < bad) {
    const middle = (good + bad + 1) >> 1;
    if (decodes(bytes.subarray(0, middle))) good = middle;
    else bad = middle - 1;
  }
  return good;
}

function decodes(bytes: Buffer): boolean {
  try {
    // A sequence that is cut off at the end is not wrong yet.
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
