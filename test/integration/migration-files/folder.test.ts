import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { checksumOf } from "../../../src/domain/migration/migration.ts";
import { FolderMigrationSource } from "../../../src/infra/migration-files/folder-migration-source.ts";
import { NodeDigest } from "../../../src/infra/signing/node-digest.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("A folder of migrations", () => {
  const directory = temporaryDirectory();
  const path = (name: string): string => directory.file(`m/${name}`);
  const write = (files: { readonly [name: string]: string | Uint8Array }): void => {
    mkdirSync(path(""), { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), text);
    }
  };
  const read = () => new FolderMigrationSource(directory.file("m")).read();
  const versions = async (): Promise<string[]> => (await read()).migrations.map((m) => m.version);

  it("is read in natural version order, whatever the spelling", async () => {
    write({ "V10__ten.sql": "", "V2__two_words.sql": "a", "V1_5__x.sql": "", "V1.10__y.sql": "" });
    deepEqual(await versions(), ["1.5", "1.10", "2", "10"]);
    equal((await read()).migrations[2]!.name, "two words");
  });

  it("puts the scripts of a version together", async () => {
    write({
      "0001_orders.up.sql": "up",
      "0001_orders.down.sql": "down",
      "0001_orders.verify.sql": "verify",
      "0002-items.sql": "two",
      "3.sql": "three",
    });
    const { migrations, unmatched } = await read();
    deepEqual(unmatched, []);
    deepEqual(migrations, [
      {
        version: "0001",
        name: "orders",
        up: "up",
        down: "down",
        verify: "verify",
        files: ["0001_orders.up.sql", "0001_orders.down.sql", "0001_orders.verify.sql"],
      },
      { version: "0002", name: "items", up: "two", files: ["0002-items.sql"] },
      { version: "3", name: "3", up: "three", files: ["3.sql"] },
    ]);
  });

  it("names every file that is no migration, and says why", async () => {
    write({
      "1_a.sql": "",
      "2_b.down.sql": "",
      "3_c.SQL": "",
      "README.md": "",
      "seed.sql": "",
      "old/4_d.sql": "",
    });
    const { migrations, unmatched } = await read();
    equal(migrations.length, 1);
    deepEqual(
      unmatched.map(({ file }) => file),
      ["3_c.SQL", "README.md", "old/4_d.sql", "seed.sql", "2_b.down.sql"],
    );
    match(unmatched[3]!.reason, /does not begin with a version/);
    match(unmatched[4]!.reason, /down script without an up script of version 2/);
  });

  it("reads what a script says about itself at its head, and refuses what it does not know", async () => {
    write({
      "1_a.sql": "-- forget\n\n-- schemaledger:allow-row-loss orders, lines\nDELETE FROM orders;\n",
      "2_b.sql": "-- schemaledger:transaction none\nPRAGMA journal_mode = WAL;",
      "3_c.sql": "SELECT 1;\n-- schemaledger:transaction none\n",
    });
    const { migrations } = await read();
    deepEqual(migrations[0]!.allow, { rowLoss: ["orders", "lines"] });
    equal(migrations[1]!.transaction, "none");
    equal(migrations[2]!.transaction, undefined);
    for (const line of ["allow-row-los orders", "transaction maybe", "allow-row-loss"]) {
      write({ "4_d.sql": `-- schemaledger:${line}\n` });
      await rejects(read(), { code: "directive-unknown", message: /^4_d\.sql: / });
    }
  });

  it("takes a byte order mark away, and CRLF for the same migration as LF", async () => {
    const bom = Buffer.from([0xef, 0xbb, 0xbf]);
    write({
      "1_a.sql": Buffer.concat([
        bom,
        Buffer.from("-- schemaledger:transaction none\r\nVACUUM;\r\n"),
      ]),
    });
    const [withMark] = (await read()).migrations;
    write({ "1_a.sql": "-- schemaledger:transaction none\nVACUUM;\n" });
    const [plain] = (await read()).migrations;
    equal(withMark!.up.codePointAt(0), "-".codePointAt(0));
    equal(withMark!.transaction, "none");
    equal(checksumOf(withMark!, new NodeDigest()), checksumOf(plain!, new NodeDigest()));
  });

  it("refuses what is not UTF-8, and says where", async () => {
    write({ "1_a.sql": Buffer.from([0x61, 0xc3, 0xa4, 0xe4, 0x62]) });
    await rejects(read(), { code: "migration-not-utf8", message: /1_a\.sql .*around byte 4/ });
    write({ "1_a.sql": Buffer.from("\ufeffSELECT 1", "utf16le") });
    await rejects(read(), { code: "migration-not-utf8", message: /looks like UTF-16/ });
  });

  it("refuses two files of one version", async () => {
    write({ "1_a.sql": "", "V1__b.sql": "" });
    await rejects(read(), { code: "duplicate-version", message: /1_a\.sql and V1__b\.sql/ });
  });

  it("refuses an empty folder, one without migrations, and none", async () => {
    write({});
    await rejects(read(), { code: "migrations-not-found", message: /holds no files/ });
    write({ "notes.txt": "" });
    await rejects(read(), { code: "migrations-not-found", message: /notes\.txt/ });
    rmSync(directory.file("m"), { recursive: true });
    await rejects(read(), { code: "migrations-unreadable" });
    writeFileSync(directory.file("m"), "");
    await rejects(read(), { code: "migrations-unreadable", message: /is a file, where a folder/ });
  });

  it("follows a link inside the folder and refuses one out of it", async () => {
    write({ ".data/1_a.sql": "inside" });
    symlinkSync(".data/1_a.sql", path("1_a.sql"));
    symlinkSync(".", path("circle"));
    equal((await read()).migrations[0]!.up, "inside");
    writeFileSync(directory.file("secret"), "outside");
    symlinkSync(directory.file("secret"), path("2_b.sql"));
    await rejects(read(), { code: "migration-file-outside", message: /2_b\.sql/ });
  });

  it("says that a link leads to nothing", async () => {
    write({ "1_a.sql": "" });
    symlinkSync("gone.sql", path("2_b.sql"));
    await rejects(read(), { code: "migrations-unreadable", message: /2_b\.sql/ });
  });

  it("refuses a file of 200 MB without reading it", async () => {
    write({ "1_a.sql": "" });
    truncateSync(path("1_a.sql"), 200e6);
    await rejects(read(), { code: "migration-too-large", message: /200000000 bytes/ });
  });

  it("reads 10,000 files", async function () {
    this.timeout(30_000);
    mkdirSync(path(""), { recursive: true });
    for (let i = 1; i <= 10_000; i++) writeFileSync(path(`${i}_m.sql`), `SELECT ${i};`);
    const { migrations } = await read();
    equal(migrations.length, 10_000);
    equal(migrations[9_999]!.up, "SELECT 10000;");
  });
});
