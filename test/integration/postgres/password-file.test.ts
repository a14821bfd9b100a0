import { equal, rejects } from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Passwords } from "../../../src/infra/postgres/connection/password-file.ts";

describe("passwords of PostgreSQL databases", () => {
  const directory = mkdtempSync(join(tmpdir(), "schemaledger-passwords-"));
  const own = join(directory, "pgpass");
  const libpq = join(directory, "libpq");
  after(() => rmSync(directory, { recursive: true }));

  const passwords = (): Passwords => new Passwords(own, { PGPASSFILE: libpq });

  it("are written to a file that nobody else can read when a url is kept", async () => {
    const some = passwords();
    const { url } = some.offer("postgres://a:se%5Cc%3Aret@h/d");
    equal(await some.of(url), "se\\c:ret");
    equal(await passwords().of(url), undefined);
    await some.keep(url);
    equal(statSync(own).mode & 0o777, 0o600);
    equal(await passwords().of(url), "se\\c:ret");
    equal(await passwords().of("postgres://a@h/other"), undefined);
  });

  it("replace an older one of the same place alone", async () => {
    const some = passwords();
    await some.keep(some.offer("postgres://b:two@h/d").url);
    await some.keep(some.offer("postgres://a:new@h/d").url);
    equal(readFileSync(own, "utf8"), "h:5432:d:b:two\nh:5432:d:a:new\n");
    equal(await passwords().of("postgres://b@h/d"), "two");
  });

  it("are not replaced before the url is kept", async () => {
    const some = passwords();
    const { url } = some.offer("postgres://a:wrong@h/d");
    equal(await some.of(url), "new");
  });

  it("come from libpq's file, with its wildcards", async () => {
    writeFileSync(libpq, "# mine\nh:*:d2:*:wild\nlocalhost:5432:*:me:socket\n", { mode: 0o600 });
    equal(await passwords().of("postgres://z@h:77/d2"), "wild");
    equal(await passwords().of("postgres://me@%2Frun/d"), "socket");
  });

  it("are not read from a file that others can read", async () => {
    chmodSync(libpq, 0o644);
    await rejects(passwords().of("postgres://z@h:77/d2"), { code: "passwords-readable" });
  });
});
