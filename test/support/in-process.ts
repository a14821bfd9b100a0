import { run } from "../../src/cli/program.ts";
import type { Ended, ProcessOptions } from "./service-process.ts";

/**
 * Runs a command in this process, off a terminal, with what it writes captured: most of the time that
 * a command takes as a process is the process. One at a time.
 */
export async function inProcess(
  args: readonly string[],
  { cwd = process.cwd(), env = {} }: ProcessOptions,
): Promise<Ended> {
  const said = { stdout: "", stderr: "" };
  const before = { cwd: process.cwd(), env: process.env };
  const restore = (["stdout", "stderr"] as const).map((name) =>
    captured(process[name], (text) => (said[name] += text)),
  );
  process.chdir(cwd);
  process.env = { PATH: before.env["PATH"], ...env };
  try {
    return { code: await run(["node", "schemaledger", ...args]), ...said };
  } finally {
    process.env = before.env;
    process.chdir(before.cwd);
    for (const end of restore) end();
  }
}

function captured(stream: NodeJS.WriteStream, hear: (text: string) => void): () => void {
  const { isTTY } = stream;
  stream.write = (text: string | Uint8Array): boolean => {
    hear(String(text));
    return true;
  };
  stream.isTTY = false;
  return () => {
    // What it has from its class shows again.
    Reflect.deleteProperty(stream, "write");
    stream.isTTY = isTTY;
  };
}
