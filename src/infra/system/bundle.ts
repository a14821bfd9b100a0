import { existsSync, statSync } from "node:fs";
import { PACKAGE_ROOT } from "./package-root.ts";

/** What `tsc -b` writes whenever it compiles a project; not part of the package. */
const COMPILED = ["domain", "infra", "api", "library", "cli"].map(
  (project) => new URL(`dist/src/${project}/tsconfig.tsbuildinfo`, PACKAGE_ROOT),
);

/**
 * The bundled form of a module (see build/bundle.js), or undefined if it was not made or something was
 * compiled since: then the modules themselves are loaded.
 */
export function bundled(
  name: "program.js" | "library.js" | "executor-main.js" | "fold-code.txt",
): string | undefined {
  return freshBundle(name, COMPILED);
}

/** The same for a bundle of what the files of `compiled` (`tsbuildinfo`) tell of. */
export function freshBundle(name: string, compiled: readonly URL[]): string | undefined {
  const bundle = new URL(`dist/bundle/${name}`, PACKAGE_ROOT);
  const made = statSync(bundle, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined) return undefined;
  const isStale = compiled.some((file) => existsSync(file) && statSync(file).mtimeMs > made);
  return isStale ? undefined : bundle.href;
}
