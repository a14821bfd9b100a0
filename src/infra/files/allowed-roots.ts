import type { Stats } from "node:fs";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import {
  type DomainError,
  InvalidInput,
  Refused,
  Unavailable,
} from "../../domain/shared/errors.ts";
import { pathOfUrl } from "./database-path.ts";

export interface RootRules {
  /** False: the file may be missing, its directory may not. */
  readonly mustExist: boolean;
  /** Directories that no database may lie in: the service's own. */
  readonly forbidden?: readonly string[];
}

/**
 * The real path (no symlink in it) of the SQLite database that `url` means, if it lies under one
 * of `roots`, themselves resolved. `url` is an absolute path or a `file:` URL without host, query
 * or fragment. Open the answer and not the request: what is behind a symlink may change.
 *
 * Rejects `InvalidInput` with `database-url-invalid`, `database-side-file`, `database-missing` or
 * `not-a-regular-file`; `Refused` with `outside-roots` or `own-data-directory`; `Unavailable` with
 * `database-unreadable`.
 */
export async function resolveUnderRoots(
  url: string,
  roots: readonly string[],
  rules: RootRules,
): Promise<string> {
  const path = pathOfUrl(url);
  const area = await resolveArea(roots, rules.forbidden ?? []);
  const found = await locate(path);
  if (found.path === undefined) {
    // Outside, a caller must not learn what exists.
    throw isUnder(path, [...area.roots, ...roots]) ? found.problem : outsideRoots();
  }
  refuseOutside(found.path, area);
  if (found.stats === undefined) {
    if (rules.mustExist) {
      throw missing("There is no such file");
    }
  } else if (!found.stats.isFile()) {
    throw notRegular();
  } else if (await isIn(rules.forbidden ?? [], found.stats)) {
    throw ownFile();
  }
  // A symlink may lead to a name that the request did not show.
  return pathOfUrl(found.path);
}

/**
 * The real path of a directory under one of the roots, or one of them. Rejects `Refused` with
 * `outside-roots` or `own-data-directory`; `InvalidInput` with `directory-missing`.
 */
export async function resolveDirectory(
  path: string,
  roots: readonly string[],
  forbidden: readonly string[],
): Promise<string> {
  const area = await resolveArea(roots, forbidden);
  const known = [...area.roots, ...roots];
  const isInside = (one: string): boolean => known.includes(one) || isUnder(one, known);
  const real = isAbsolute(path) ? await realpath(path).catch(() => undefined) : undefined;
  // Outside, a caller must not learn what exists.
  if (!isInside(real ?? path)) throw outsideRoots();
  if (real === undefined || !(await stat(real)).isDirectory())
    throw new InvalidInput("directory-missing", `There is no directory ${path}`, {
      hint: "Name a directory by its absolute path, on the service's machine",
    });
  if (area.forbidden.includes(real) || isUnder(real, area.forbidden)) throw ownFile();
  return real;
}

interface Area {
  readonly roots: readonly string[];
  readonly forbidden: readonly string[];
}

/** `stats` is absent if the file is missing; `path` is absent if it cannot be told. */
type Found =
  | { readonly path: string; readonly stats: Stats | undefined }
  | { readonly path: undefined; readonly problem: DomainError };

async function locate(path: string): Promise<Found> {
  try {
    const real = await realpath(path);
    return { path: real, stats: await stat(real) };
  } catch (error) {
    return codeOf(error) === "ENOENT"
      ? locateMissing(path)
      : { path: undefined, problem: problem(error) };
  }
}

async function locateMissing(path: string): Promise<Found> {
  if (await exists(path)) {
    // A symlink to nothing: opening it would create a file that nobody has looked at.
    return { path: undefined, problem: notRegular() };
  }
  try {
    return { path: join(await realpath(dirname(path)), basename(path)), stats: undefined };
  } catch (error) {
    return { path: undefined, problem: problem(error) };
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    // Whatever hides it will be met again, and told, at its directory.
    return false;
  }
}

async function resolveArea(roots: readonly string[], forbidden: readonly string[]): Promise<Area> {
  return { roots: await realPaths(roots), forbidden: await realPaths(forbidden) };
}

async function realPaths(paths: readonly string[]): Promise<readonly string[]> {
  const resolved = await Promise.allSettled(paths.map((path) => realpath(path)));
  // A directory that does not exist contains nothing.
  return resolved.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

function refuseOutside(path: string, area: Area): void {
  if (!isUnder(path, area.roots)) {
    throw outsideRoots();
  }
  if (isUnder(path, area.forbidden)) {
    throw ownFile();
  }
}

/** Whether a file is one of the directories' own under another name: a hard link, a mount. */
async function isIn(directories: readonly string[], { dev, ino }: Stats): Promise<boolean> {
  for (const directory of await realPaths(directories)) {
    const names = await readdir(directory);
    const own = await Promise.allSettled(names.map((name) => lstat(join(directory, name))));
    // One that is gone meanwhile is none that could be opened.
    const found = own.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    if (found.some((one) => one.ino === ino && one.dev === dev)) return true;
  }
  return false;
}

function isUnder(path: string, directories: readonly string[]): boolean {
  return directories.some((directory) => {
    const inside = relative(directory, path);
    return inside !== "" && inside !== ".." && !inside.startsWith("../") && !isAbsolute(inside);
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}

function problem(error: unknown): DomainError {
  switch (codeOf(error)) {
    case "ENOENT":
      return missing("There is no such directory");
    case "ENOTDIR":
      return missing("A part of the path is not a directory");
    case "ELOOP":
      return notRegular();
    case "ENAMETOOLONG":
      return new InvalidInput("database-url-invalid", "The path is too long", {
        hint: "Use a shorter path",
      });
    default:
      return new Unavailable("database-unreadable", "The file cannot be looked at", {
        hint: "Give the service's user access to the file and its directory",
        details: { cause: codeOf(error) },
      });
  }
}

function missing(message: string): InvalidInput {
  return new InvalidInput("database-missing", message, {
    hint: "Check the path; create the database first, or have it created by its application",
  });
}

function notRegular(): InvalidInput {
  return new InvalidInput("not-a-regular-file", "The path does not lead to a regular file", {
    hint: "Name the database file itself",
  });
}

function ownFile(): Refused {
  return new Refused("own-data-directory", "The file belongs to the service itself", {
    hint: "Name a database outside the service's data directory",
  });
}

function outsideRoots(): Refused {
  return new Refused("outside-roots", "The path lies outside the allowed directories", {
    hint: "Start the service with --root for the directory that holds the database",
  });
}
