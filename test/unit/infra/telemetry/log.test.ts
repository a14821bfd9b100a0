import assert from "node:assert/strict";
import { terminalLog } from "../../../../src/infra/telemetry/open-log.ts";
import { withoutSecrets } from "../../../../src/infra/telemetry/redact.ts";

const TOKEN = `sl_${"a".repeat(43)}`;

describe("what is logged", () => {
  it("has no secret, in whatever member and however deep it stands", () => {
    const record = {
      requestId: "r-1",
      Authorization: "anything",
      headers: { cookie: "a=b", accept: "text/plain" },
      errors: [{ cause: `Bearer ${TOKEN} is wrong`, password: "hunter2" }],
      url: "postgres://me:hunter2@db.example.org/shop",
      jwt: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
      secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      note: "signed by whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw and AGE-SECRET-KEY-1ABC",
      nothing: null,
      count: 3,
    };
    const clean = withoutSecrets(record);
    const text = JSON.stringify(clean);
    for (const secret of [TOKEN, "hunter2", "eyJ", "MfKQ9", "1ABC", "a=b", "anything"])
      assert.ok(!text.includes(secret), `${secret} in ${text}`);
    assert.deepEqual(
      [clean.requestId, clean.headers.accept, clean.nothing, clean.count],
      ["r-1", "text/plain", null, 3],
    );
    assert.equal(clean.url, "postgres://me:[redacted]@db.example.org/shop");
    assert.equal(record.headers.cookie, "a=b");
  });

  it("does not go on for ever in what has no end", () => {
    const record: Record<string, unknown> = { message: "x" };
    record["self"] = record;
    assert.ok(JSON.stringify(withoutSecrets(record)).length < 500);
  });

  it("is a line for people on a terminal, that cannot steer it", () => {
    const lines: string[] = [];
    const log = terminalLog("warn", (text) => lines.push(text));
    log({ level: "info", message: "not told" });
    log({ level: "error", message: "Evil \u001b[2J", requestId: "r-1", more: { a: 1 } });
    assert.equal(lines.length, 1);
    assert.match(
      lines[0]!,
      /^\d\d:\d\d:\d\d\.\d{3} error Evil \?\[2J requestId=r-1 more=\{"a":1\}\n/,
    );
  });
});
