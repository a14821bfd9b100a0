import { deepEqual, equal, match } from "node:assert/strict";
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { inProcess } from "../../support/in-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

interface Item {
  readonly what: string;
  readonly status: string;
  readonly message: string;
  readonly hint?: string;
}

describe("The doctor", () => {
  const directory = temporaryDirectory();
  const data = (name: string): string => directory.file(`ledger/${name}`);
  const run = (...args: string[]) => inProcess(args, { cwd: directory.path });
  const doctor = async (): Promise<{ code: number | null; items: Item[] }> => {
    const { code, stdout } = await run("doctor", "--data", "ledger", "--json");
    return { code, items: (JSON.parse(stdout) as { items: Item[] }).items };
  };
  const found = async (what: string): Promise<Item | undefined> =>
    (await doctor()).items.find((item) => item.what === what);

  beforeEach(async () => {
    mkdirSync(directory.file("m"));
    writeFileSync(directory.file("m/1.sql"), "CREATE TABLE t (a)");
    const { code, stderr } = await run("migrate", "shop.db", "m", "--data", "ledger");
    equal(code, 0, stderr);
  });

  it("finds nothing wrong with a ledger as it is made, but that nobody outside keeps it", async () => {
    const { code, items } = await doctor();
    equal(code, 0);
    deepEqual(
      items.filter(({ status }) => status !== "ok").map(({ what }) => what),
      items.some(({ what, status }) => what === "file system" && status !== "ok")
        ? ["file system", "anchors"]
        : ["anchors"],
    );
    const looked = new Set(items.map(({ what }) => what));
    for (const what of ["permissions", "keys", "journal", "file system", "disk", "clock"])
      equal(looked.has(what), true, what);
  });

  it("finds keys that others can read, and keys that are gone", async () => {
    chmodSync(data("keys/pepper"), 0o644);
    const exposed = (await found("keys"))!;
    equal(exposed.status, "error");
    match(exposed.message, /pepper/);
    renameSync(data("keys/pepper"), directory.file("pepper"));
    const { code, items } = await doctor();
    equal(code, 1);
    match(items.find(({ what }) => what === "keys")!.message, /pepper is not/);
  });

  it("finds anchors that cannot be read, and counts those that can", async () => {
    writeFileSync(data("anchors.conf"), "witness nonsense\n");
    equal((await found("anchors"))!.status, "error");
    writeFileSync(data("anchors.conf"), "export ../copy\n");
    const anchors = (await found("anchors"))!;
    deepEqual([anchors.status, anchors.message], ["ok", "1 exports"]);
    rmSync(data("anchors.conf"));
  });
});
