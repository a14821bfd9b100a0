import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../repository.ts";

const SOURCE = join(ROOT, "test/support/faults/shim.c");

/** What a call can be made to do at a point. */
export const FAULTS = [
  "kill-before",
  "kill-after",
  "short",
  "eio-once",
  "enospc-once",
  "eio-ever",
  "enospc-ever",
] as const;
export type Fault = (typeof FAULTS)[number];

/**
 * Compiles the library that is preloaded, into `directory`. A text says why it cannot be: without a
 * C compiler, or where no library is preloaded, nothing can come between a program and its disk.
 */
export function compileShim(directory: string): { readonly path: string } | string {
  if (process.platform !== "linux")
    return `a library is preloaded on Linux, not ${process.platform}`;
  const path = join(directory, "shim.so");
  const options = ["-shared", "-fPIC", "-O1", "-o", path, SOURCE, "-ldl", "-lpthread"];
  const { error, status, stderr } = spawnSync("cc", options, { encoding: "utf8" });
  if (error !== undefined) return "there is no C compiler (cc)";
  if (status !== 0) throw new Error(stderr);
  return { path };
}
