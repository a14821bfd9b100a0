import { deepEqual, equal, match, ok } from "node:assert/strict";
import { COMMANDS } from "../../../src/cli/registry.ts";
import { CLI_PAGE, commandSections, describedCommands, GENERATED } from "../../support/cli-page.ts";
import { textOf } from "../../support/repository.ts";

describe("docs/reference/cli.md", () => {
  it("is as `npm run docs` makes it", async () => {
    equal(textOf(CLI_PAGE).split(GENERATED)[1]?.trim(), (await commandSections()).trim());
  });

  it("names the members of every JSON format, each format once", async () => {
    const formats: string[] = [];
    for (const { name, command } of await describedCommands()) {
      if (command.format === null) continue;
      match(command.format, /^[a-z.]+\/[1-9]\d*$/, name);
      ok(Object.keys(command.members ?? {}).length > 0, `${name} declares its members`);
      formats.push(command.format);
    }
    deepEqual(formats, [...new Set(formats)]);
    ok(formats.length >= 15);
  });

  it("has an example for every command that needs operands or options", async () => {
    for (const { name, command } of await describedCommands())
      for (const example of command.examples)
        ok(example.includes(`schemaledger ${name.split(" ")[0]}`), example);
    for (const { name, command } of await describedCommands())
      if ((command.arguments ?? []).length > 0) ok(command.examples.length > 0, name);
  });

  it("lists each command once", () => {
    const names = COMMANDS.map(({ name }) => name);
    deepEqual(names, [...new Set(names)]);
  });
});
