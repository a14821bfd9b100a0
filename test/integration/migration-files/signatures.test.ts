import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { MIGRATION_NAMESPACE } from "../../../src/domain/trust/statements.ts";
import { FolderMigrationSource } from "../../../src/infra/migration-files/folder-migration-source.ts";
import { NodeSignatures } from "../../../src/infra/signatures/node-signatures.ts";
import { inProcess } from "../../support/in-process.ts";
import { hasSshKeygen, SshKeyPair } from "../../support/ssh-keygen.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("Signature files of migrations", () => {
  const directory = temporaryDirectory();
  const write = (name: string, text: string): void =>
    writeFileSync(directory.file(`m/${name}`), text);
  const read = () => new FolderMigrationSource(directory.file("m")).read();
  const sign = (...args: string[]) =>
    inProcess(["sign", "m", ...args, "--json"], { cwd: directory.path });

  beforeEach(() => {
    mkdirSync(directory.file("m"));
    write("1_orders.up.sql", "CREATE TABLE orders (id INTEGER)");
    write("1_orders.down.sql", "DROP TABLE orders");
    write("2_items.sql", "CREATE TABLE items (id INTEGER)");
  });

  it("belong to the migration beside whose script they lie", async () => {
    write("1_orders.up.sql.sig", "one");
    write("2_items.sql.minisig", "two");
    write("3_gone.sql.sig", "three");
    const { migrations, unmatched } = await read();
    deepEqual(
      migrations.map(({ signature }) => signature),
      ["one", "two"],
    );
    equal(migrations[0]!.files.at(-1), "1_orders.up.sql.sig");
    deepEqual(
      unmatched.map(({ file }) => file),
      ["3_gone.sql.sig"],
    );
  });

  it("are refused when there are two, or one is empty or without end", async () => {
    const code = "signature-file-invalid";
    write("2_items.sql.sig", " \n");
    await rejects(read(), { code });
    write("2_items.sql.sig", "x".repeat(16_385));
    await rejects(read(), { code });
    write("2_items.sql.sig", "one");
    write("2_items.sql.minisig", "two");
    await rejects(read(), { code });
  });

  it("are made with an SSH key by `sign`, once", async function () {
    if (!hasSshKeygen) this.skip();
    const key = new SshKeyPair(directory.path, "key");
    const { code, stdout, stderr } = await sign("--key", key.file);
    equal(code, 0, stderr);
    const { items } = JSON.parse(stdout) as { items: { statement: string; file: string }[] };
    deepEqual(
      items.map(({ file }) => file),
      ["m/1_orders.up.sql.sig", "m/2_items.sql.sig"],
    );
    const { migrations } = await read();
    for (const [at, { signature }] of migrations.entries()) {
      const text = items[at]!.statement;
      const made = { signature: signature!, text, namespace: MIGRATION_NAMESPACE };
      equal(new NodeSignatures().check(made, [key.publicKey]).outcome, "valid");
    }
    const again = JSON.parse((await sign("--key", key.file)).stdout) as { items: object[] };
    deepEqual(
      again.items.map((item) => (item as { file: unknown }).file),
      [null, null],
    );
  });

  it("are not made with a key that cannot be read", async function () {
    if (!hasSshKeygen) this.skip();
    const { code, stdout } = await sign("--key", "nowhere");
    equal(code, 1);
    match(stdout, /signing-failed/);
    deepEqual(
      readdirSync(directory.file("m")).filter((file) => file.endsWith(".sig")),
      [],
    );
  });

  it("need the text that `sign` prints for one version", async () => {
    const ended = await inProcess(["sign", "m", "--of", "2"], { cwd: directory.path });
    match(ended.stdout, /^schemaledger-migration v1\nversion 2\nname "items"\nchecksum sha256:/);
    const several = await inProcess(["sign", "m"], { cwd: directory.path });
    match(several.stderr, /--of/);
    equal((await sign("--of", "9")).code, 2);
  });
});
