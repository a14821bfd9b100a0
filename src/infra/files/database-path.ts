import { fileURLToPath } from "node:url";
import { InvalidInput } from "../../domain/shared/errors.ts";

const MAX_LENGTH = 4096;

/** No whitespace around, no control characters: such names differ from what people see. */
const UNSAFE = /^\s|\s$|\p{Cc}|\p{Cs}/u;
/** Also percent-encoded: a URL parser would resolve them without regard to symlinks. */
const DOTS = /(?:^|[/\\])(?:\.|%2e){2}(?:[/\\]|$)/i;
/** SQLite's own files beside a database; each is a part of it, never one itself. */
const SIDE_FILE = /-(?:wal|shm|journal|mj[0-9a-f]{6,9})$/i;

/**
 * The absolute path that a SQLite `url` (path or `file:` URL) means, by its text alone. Throws
 * `InvalidInput` with `database-url-invalid` or `database-side-file`.
 */
export function pathOfUrl(url: string): string {
  refuseUnsafe(url);
  const path = /^file:/i.test(url) ? pathOfFileUrl(url) : url;
  refuseUnsafe(path);
  if (!path.startsWith("/")) {
    throw invalid("The path is not absolute");
  }
  if (/\/\.?$/.test(path)) {
    throw invalid("The path names a directory");
  }
  if (SIDE_FILE.test(path)) {
    throw new InvalidInput("database-side-file", "The path names a side file of a database", {
      hint: "Name the database file itself",
    });
  }
  return path;
}

function refuseUnsafe(text: string): void {
  if (text === "" || text.length > MAX_LENGTH) {
    throw invalid("The path is empty or too long");
  }
  if (UNSAFE.test(text)) {
    throw invalid("The path has control characters, or spaces around it");
  }
  if (DOTS.test(text)) {
    throw invalid('The path has ".." in it');
  }
}

function pathOfFileUrl(url: string): string {
  if (!/^file:(?:\/\/)?\/(?!\/)/i.test(url)) {
    throw invalid("The URL names a host, or no absolute path");
  }
  if (/[?#\\]/.test(url)) {
    throw invalid("The URL has a query, a fragment or a backslash");
  }
  try {
    return fileURLToPath(url);
  } catch {
    // Told by its own words: the parser's quote the whole input.
    throw invalid("The URL is not well-formed");
  }
}

function invalid(message: string): InvalidInput {
  return new InvalidInput("database-url-invalid", message, {
    hint: "Use an absolute path, or file:///… without host, query and fragment",
  });
}
