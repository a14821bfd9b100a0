import assert from "node:assert/strict";
import { Command as Parser } from "commander";
import { defineCommand } from "../../../src/cli/command.ts";
import { addCommand } from "../../../src/cli/program.ts";

/** What a command is given when the environment says so. */
async function given(environment: Record<string, string>): Promise<Record<string, unknown>> {
  let options: Record<string, unknown> = {};
  const command = defineCommand<Record<string, unknown>>({
    format: null,
    examples: [],
    options: [
      { flags: "--switch", description: "", env: "SCHEMALEDGER_TEST_SWITCH" },
      { flags: "--root <dir...>", description: "", env: "SCHEMALEDGER_TEST_ROOT" },
    ],
    run: (call) => {
      ({ options } = call);
      return Promise.resolve();
    },
  });
  const parser = new Parser("test").exitOverride().configureOutput({ writeErr: () => {} });
  addCommand(parser, command, "test", { code: 0 });
  Object.assign(process.env, environment);
  try {
    await parser.parseAsync([], { from: "user" });
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
  }
  return options;
}

describe("settings from the environment", () => {
  const on = async (value: string): Promise<unknown> =>
    (await given({ SCHEMALEDGER_TEST_SWITCH: value }))["switch"];

  it("turn a switch on or off by what they say, not by being there", async () => {
    for (const value of ["true", "1", "yes", "on", "TRUE"]) assert.equal(await on(value), true);
    for (const value of ["false", "0", "no", "off", "", "False"])
      assert.equal(await on(value), false, value);
    await assert.rejects(on("maybe"), /SCHEMALEDGER_TEST_SWITCH must be true or false/);
  });

  it("hold lists separated as in PATH", async () => {
    assert.deepEqual((await given({ SCHEMALEDGER_TEST_ROOT: "/a:/b" }))["root"], ["/a", "/b"]);
  });
});
