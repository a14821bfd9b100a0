import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { readConfig, type RawConfig } from "../../../src/api/config.ts";
import { settingsOf } from "../../../src/cli/serve-settings.ts";
import type { OptionSpec } from "../../../src/cli/command.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const SPECS: readonly OptionSpec[] = [
  { flags: "--config <file>", description: "", env: "SCHEMALEDGER_CONFIG" },
  { flags: "--data <dir>", description: "", env: "SCHEMALEDGER_DATA" },
  { flags: "--port <n>", description: "", env: "SCHEMALEDGER_PORT" },
  { flags: "--root <dir...>", description: "", env: "SCHEMALEDGER_ROOT" },
  { flags: "--read-only", description: "", env: "SCHEMALEDGER_READ_ONLY" },
  { flags: "--log-level <level>", description: "", choices: ["debug", "info"] },
];

describe("settings from a file", () => {
  const directory = temporaryDirectory();
  const file = (): string => directory.file("config.json");
  const write = (content: object | string): void => {
    mkdirSync(directory.path, { recursive: true });
    writeFileSync(file(), typeof content === "string" ? content : JSON.stringify(content));
  };
  const read = (given: object, sources: { readonly [name: string]: string } = {}) =>
    settingsOf({ config: file(), ...given }, SPECS, (name) => sources[name]);

  it("are taken where neither flag nor environment says something", async () => {
    write({ data: "/srv/ledger", port: 80, root: ["/srv/a", "/srv/b"], readOnly: true });
    const given = { data: "schemaledger-data", port: "7447" };
    const { values, sources } = await read(given, { data: "default", port: "default" });
    assert.deepEqual(values, {
      data: "/srv/ledger",
      port: "80",
      root: ["/srv/a", "/srv/b"],
      readOnly: true,
    });
    assert.equal(sources["--port"], `${file()}: port`);
    const said = await read({ data: "x", port: "1" }, { data: "cli", port: "env" });
    assert.equal(said.values["data"], "x");
    assert.equal(said.values["port"], "1");
    assert.deepEqual(said.sources["--port"], "SCHEMALEDGER_PORT");
    assert.equal(said.sources["--data"], undefined);
  });

  it("name places relative to the file", async () => {
    write({ data: "ledger", root: ["a", "/b"] });
    const { values } = await read({});
    assert.equal(values["data"], directory.file("ledger"));
    assert.deepEqual(values["root"], [directory.file("a"), "/b"]);
  });

  it("are refused with the file and the member, whatever is wrong with them", async () => {
    for (const [content, why] of [
      ["", /one JSON object/],
      ["[]", /one JSON object/],
      ['{"port": 1, "port": 2}', /without a member twice/],
      [{ prot: 1 }, /prot is not a setting/],
      [{ config: "x" }, /config is not a setting/],
      [{ port: true }, /port must be a text or a whole number/],
      [{ port: 0.5 }, /port must be/],
      [{ data: "" }, /data must be/],
      [{ root: "/srv" }, /root must be a list/],
      [{ root: [] }, /root must be a list/],
      [{ root: [1] }, /root must be a list/],
      [{ readOnly: "yes" }, /readOnly must be true or false/],
      [{ logLevel: "loud" }, /logLevel must be one of debug, info/],
    ] as const) {
      write(content);
      await assert.rejects(read({}), (error: Error & { code?: string }) => {
        assert.equal(error.code, "config-file-invalid");
        assert.match(error.message, why);
        assert.ok(error.message.startsWith(file()));
        return true;
      });
    }
    const missing = settingsOf({ config: directory.file("none") }, SPECS, () => undefined);
    await assert.rejects(missing, { code: "config-file-invalid" });
  });

  it("are refused at once, whatever the file is", async () => {
    mkdirSync(directory.path, { recursive: true });
    execFileSync("mkfifo", [directory.file("fifo")]);
    symlinkSync("circle", directory.file("circle"));
    writeFileSync(directory.file("latin"), Buffer.from('{"data": "caf\xe9"}', "latin1"));
    writeFileSync(directory.file("large"), "");
    truncateSync(directory.file("large"), 100 << 20);
    for (const [name, why] of [
      ["/dev/zero", /is not a file/],
      [directory.file("fifo"), /is not a file/],
      [directory.path, /is not a file/],
      [directory.file("circle"), /links lead in a circle/],
      [directory.file("latin"), /is not UTF-8/],
      [directory.file("large"), /too large/],
      [directory.file("none"), /there is no such file/],
    ] as const)
      await assert.rejects(
        settingsOf({ config: name }, SPECS, () => undefined),
        { code: "config-file-invalid", message: why },
      );
  });

  it("that cannot be meant are told with where they were said", async () => {
    write({ port: 70_000 });
    const { values, sources } = await read({ data: "d", host: "127.0.0.1" });
    const raw = { ...values, roots: ["/"], sources } as unknown as RawConfig;
    assert.throws(() => readConfig(raw), { message: new RegExp(`^${file()}: port: `) });
    const env = { ...raw, sources: { "--port": "SCHEMALEDGER_PORT" } };
    assert.throws(() => readConfig(env), { message: /^SCHEMALEDGER_PORT: / });
    const flag = { ...raw, sources: {} };
    assert.throws(() => readConfig(flag), { message: /^--port: / });
  });
});
