import { deepEqual, equal, throws } from "node:assert/strict";
import { isPostgresUrl, readAddress } from "../../../../src/infra/postgres/connection/address.ts";

const codeOf = (code: string) => (error: unknown) =>
  error instanceof Error && "code" in error && error.code === code;

describe("addresses of PostgreSQL databases", () => {
  it("take the password out of the url", () => {
    const { address, password } = readAddress("postgresql://Ann:s%3Acret@DB.Example/shop");
    equal(password, "s:cret");
    equal(address.url, "postgres://Ann@db.example:5432/shop");
    equal(JSON.stringify(address).includes("cret"), false);
    equal(readAddress("postgres://a@h/d?password=x").password, "x");
  });

  it("are the same for urls that mean the same", () => {
    const one = readAddress("postgres://a@H:5432/d?markers=ops&sslmode=require").address.url;
    equal(readAddress("postgresql://a@h/d?sslmode=require&markers=ops").address.url, one);
    equal(readAddress(one).address.url, one);
  });

  it("can be sockets and IPv6 addresses", () => {
    const socket = readAddress("postgres://a@%2Frun%2Fpostgresql/d").address;
    deepEqual(
      [socket.host, readAddress(socket.url).address.host],
      Array(2).fill("/run/postgresql"),
    );
    const six = readAddress("postgres://a@[::1]:5433/d").address;
    equal(readAddress(six.url).address.host, "[::1]");
  });

  it("are refused without a word of their text", () => {
    for (const url of [
      "postgres://a:secret@",
      "postgres://a:secret@h:99999/d",
      "postgres://:secret@h/d",
      "postgres://a:secret@h/",
      "postgres://a:secret@h/d?options=-c",
      "postgres://a:secret@h/d?sslmode=maybe",
      "postgres://a:secret@h/d?markers=pg_x",
      "postgres://a:%zz@h/d",
      "mysql://a:secret@h/d",
      "",
    ])
      throws(
        () => readAddress(url),
        (error: unknown) => codeOf("url-invalid")(error) && !String(error).includes("secret"),
        url,
      );
  });

  it("are told from paths", () => {
    deepEqual(
      ["postgres://x", "POSTGRESQL://x", "file:///x", "shop.db", "postgres"].map(isPostgresUrl),
      [true, true, false, false, false],
    );
  });
});
