import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the checkout. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** The built program. */
export const MAIN = join(ROOT, "dist/src/cli/main.js");

const LEFT_OUT = new Set(["node_modules", "dist", "coverage"]);

/** Text of a file, named from the root. */
export const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** Paths from the root of all files below `directory` that end in `ending`. */
export function filesIn(directory: string, ending: string): string[] {
  return readdirSync(join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (!entry.isDirectory()) return entry.isFile() && path.endsWith(ending) ? [path] : [];
    return LEFT_OUT.has(entry.name) || entry.name.startsWith(".") ? [] : filesIn(path, ending);
  });
}
