import { builtin } from "./builtin.ts";
import { PACKAGE_ROOT } from "./package-root.ts";

/** What `tsc -b` writes whenever it compiles a project; not part of the package. */
const COMPILED = ["domain", "infra", "api", "library", "cli"].map(
  (project) => new URL(`dist/src/${project}/tsconfig.tsbuildinfo`, PACKAGE_ROOT),
);

/**
 * The path of a file that the bundle has (see build/bundle.js), or undefined if it was not made or something
 * was compiled since: then the modules themselves are used.
 */
export function bundled(
  name: "program.cjs" | "library.cjs" | "executor-main.cjs" | "fold-code.txt",
): string | undefined {
  return freshBundle(name, COMPILED);
}

/** What a program of the bundle exports; undefined where `bundled` is. */
export function packed<Exports>(name: "program.cjs" | "library.cjs"): Exports | undefined {
  const path = bundled(name);
  if (path === undefined) return undefined;
  return builtin("node:module").createRequire(import.meta.url)(path) as Exports;
}

/** The same as `bundled` for a file that depends on what the files of `compiled` (`tsbuildinfo`) tell of. */
export function freshBundle(name: string, compiled: readonly URL[]): string | undefined {
  const { existsSync, statSync } = builtin("node:fs");
  const bundle = new URL(`dist/bundle/${name}`, PACKAGE_ROOT);
  const made = statSync(bundle, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined) return undefined;
  const isStale = compiled.some((file) => existsSync(file) && statSync(file).mtimeMs > made);
  return isStale ? undefined : builtin("node:url").fileURLToPath(bundle);
}
