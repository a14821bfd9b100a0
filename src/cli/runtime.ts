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

/** Prints an error as people read it, code and hint included, and sets the exit code. */
export function fail(error: unknown): void {
  const { message, code, hint } = error as { message?: string; code?: string; hint?: string };
  process.stderr.write(`schemaledger: ${message ?? String(error)}`);
  process.stderr.write(code === undefined ? "\n" : ` (${code})\n`);
  if (hint !== undefined) process.stderr.write(`  ${hint}\n`);
  process.exitCode = 1;
}
