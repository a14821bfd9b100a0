import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { endProcessesAfterEach, saying, schemaledger, start } from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

describe("schemaledger demo", function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  endProcessesAfterEach();

  it("tells the story to its end and leaves nothing", async () => {
    const running = schemaledger(["demo"], { env: { TMPDIR: directory.path } });
    const { code, stdout, stderr } = await running.ended;
    equal(code, 0, stderr + stdout);
    const inOrder = [
      /backup verified, rehearsed on the restored copy, then applied/,
      /the ordinary way.*measurements 20000 → 0/,
      /here: rows-lost\. .*completion_metrics had 20000 rows and has 0/,
      /the run ended untouched/,
      /withdrawn, written with care, applied: no row was lost/,
      /rolled back by itself \(untouched\); full integrity check passed/,
      /version 3 again, by restoring the backup taken before version 4/,
      /version 5 is back, and what it replaced is in a safety backup/,
      /0 .*LedgerOpened/,
      /RestoreCompleted/,
      /— \S+\/schemaledger\/\S+ \S+/,
      /Done in [\d.]+ s/,
    ];
    let at = 0;
    for (const line of inOrder) {
      const found = stdout.slice(at).search(line);
      ok(found >= 0, `${line} is missing, or too early, in:\n${stdout}`);
      at += found;
    }
    equal(stderr, "");
    deepEqual(readdirSync(directory.path), []);
  });

  it("with --keep prints commands that work, until SIGINT", async () => {
    const running = schemaledger(["demo", "--keep"], { env: { TMPDIR: directory.path } });
    let told = "";
    running.child.stdout!.on("data", (text: string) => (told += text));
    await saying(running, /The service runs until Ctrl-C/);
    const commands = told.split("\n").filter((line) => line.trimStart().startsWith("curl "));
    equal(commands.length, 5);
    const answers = await Promise.all(commands.map((command) => statusOf(command)));
    deepEqual(answers, ["200", "200", "200", "200", "200"]);
    running.child.kill("SIGINT");
    const { code, stderr } = await running.ended;
    equal(code, 0, stderr);
    match(told, /Done in/);
    deepEqual(readdirSync(directory.path), []);
  });
});

/** Runs a printed command as it is, with the status as its last word. */
async function statusOf(command: string): Promise<string> {
  const shell = start("bash", ["-c", `${command.trim()} -o /dev/null -w '%{http_code}'`]);
  return (await shell.ended).stdout;
}
