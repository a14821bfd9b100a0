import { builtin } from "../infra/system/builtin.ts";

/** The oldest Node that has all we need: zstd, and the Node-API version of better-sqlite3. */
const NEEDED = [22, 15] as const;

/** Ends the process with one clear line on a Node that is too old. */
export function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  process.stderr.write(
    `schemaledger needs Node ${NEEDED.join(".")} or newer, this is ${version}. From a checkout use ` +
      `the one it brings: npm start, or node_modules/.bin/node dist/src/cli/main.js\n`,
  );
  process.exit(1);
}

/**
 * Keeps the compiled form of the program's modules between starts. Below the home directory and not
 * in the system's temporary one, where somebody else could put code for us to run. Without a place
 * to write it Node goes on without a cache.
 */
export function useCompileCache(): void {
  if (process.env["NODE_DISABLE_COMPILE_CACHE"] !== undefined) return;
  const path = builtin("node:path");
  const base = process.env["XDG_CACHE_HOME"] ?? path.join(builtin("node:os").homedir(), ".cache");
  const directory = process.env["NODE_COMPILE_CACHE"] ?? path.join(base, "schemaledger");
  builtin("node:module").enableCompileCache(directory);
}

/** `schemaledger log | head`: whoever read the output has gone, and has all that they wanted. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
