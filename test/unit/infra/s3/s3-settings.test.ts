import assert from "node:assert/strict";
import { DomainError } from "../../../../src/domain/shared/errors.ts";
import { parseCredentials } from "../../../../src/infra/s3/s3-credentials.ts";
import { s3Error } from "../../../../src/infra/s3/s3-errors.ts";
import { s3ServiceOf } from "../../../../src/infra/s3/s3-service.ts";
import { parseS3Url, s3Url, type S3Settings } from "../../../../src/infra/s3/s3-settings.ts";

const SETTINGS: S3Settings = {
  bucket: "company-backups",
  prefix: "a/b",
  region: "us-east-1",
  pathStyle: false,
};
const wrong = (flag: string, why: string): Error => new Error(`${flag}: ${why}`);

describe("a bucket's settings", () => {
  it("are a bucket and a prefix that lead nowhere else", () => {
    for (const [url, prefix] of [
      ["s3://company-backups", ""],
      ["s3://company-backups/", ""],
      ["s3://company-backups/a", "a"],
      ["s3://company-backups/a/b/", "a/b"],
    ] as const) {
      assert.deepEqual(parseS3Url(url), { bucket: "company-backups", prefix });
      assert.deepEqual(parseS3Url(s3Url(parseS3Url(url))), parseS3Url(url));
    }
    for (const url of [
      "s3://",
      "s3://A",
      "s3://ab",
      "s3://-ab",
      "s3://abc/../x",
      "s3://abc/a//b",
      "s3://abc/a/./b",
      "s3://abc/ä",
      "s3://abc/a?b",
      "s3://key:secret@abc/x",
      "https://abc/x",
      "abc",
    ])
      assert.throws(() => parseS3Url(url), { code: "bucket-url-invalid" }, url);
  });

  it("name the bucket in the path where the endpoint is an address", () => {
    const pathStyle = (s3Endpoint?: string, s3PathStyle = false): boolean =>
      s3ServiceOf({ s3Endpoint, s3PathStyle }, wrong).pathStyle;
    assert.deepEqual(
      [
        pathStyle(),
        pathStyle("https://s3.example.com"),
        pathStyle("https://s3.example.com", true),
        pathStyle("http://127.0.0.1:9000"),
        pathStyle("http://[::1]:9000"),
        pathStyle("http://localhost:9000"),
      ],
      [false, false, true, true, true, true],
    );
  });

  it("say how long objects are locked", () => {
    const lock = (s3ObjectLock: string) => s3ServiceOf({ s3ObjectLock }, wrong).lock;
    assert.deepEqual(lock("compliance:30"), { mode: "COMPLIANCE", days: 30 });
    assert.deepEqual(lock("Governance:1"), { mode: "GOVERNANCE", days: 1 });
    for (const text of [
      "",
      "compliance",
      "compliance:0",
      "compliance:1.5",
      "compliance:99999",
      "x:1",
    ])
      assert.throws(() => lock(text), /--s3-object-lock/, text);
  });
});

describe("a file of access keys", () => {
  it("is read as programs for AWS read theirs", () => {
    const keys = { accessKeyId: "A", secretAccessKey: "s/+=" };
    const lines = "aws_access_key_id = A\naws_secret_access_key=s/+=\n";
    assert.deepEqual(parseCredentials("f", lines), keys);
    assert.deepEqual(parseCredentials("f", `[default]\r\n${lines}`), keys);
    assert.deepEqual(
      parseCredentials("f", `# of nobody\n[other]\naws_access_key_id=X\n[default]\n${lines}`),
      keys,
    );
    assert.deepEqual(parseCredentials("f", `${lines}aws_session_token = t\n`), {
      ...keys,
      sessionToken: "t",
    });
  });

  it("is not quoted when it is wrong", () => {
    for (const text of [
      "",
      "aws_access_key_id = A",
      "[other]\naws_access_key_id=A\nsecret",
      "secret",
    ])
      assert.throws(
        () => parseCredentials("f", text),
        (error: DomainError) => {
          assert.equal(error.code, "bucket-credentials-file-invalid");
          assert(!error.message.includes("secret") || error.message.includes("aws_secret"));
          return true;
        },
      );
  });
});

describe("what a storage service refuses", () => {
  const fault = (name: string, status?: number, code?: string, message = "UnknownError"): Error =>
    Object.assign(new Error(message), {
      name,
      ...(code === undefined ? {} : { code }),
      $metadata: { httpStatusCode: status },
    });

  it("is told by what is to be done about it", () => {
    const cases: [Error, string][] = [
      [fault("NoSuchBucket", 404), "bucket-missing"],
      [fault("RequestTimeTooSkewed", 403), "bucket-clock-skewed"],
      [fault("InvalidAccessKeyId", 403), "bucket-credentials-wrong"],
      [fault("ExpiredToken", 400), "bucket-credentials-wrong"],
      [fault("CredentialsProviderError"), "bucket-credentials-wrong"],
      [fault("AccessDenied", 403), "bucket-access-denied"],
      [fault("Unknown", 403), "bucket-access-denied"],
      [fault("PermanentRedirect", 301), "bucket-region-wrong"],
      [fault("SlowDown", 503), "bucket-unreachable"],
      [fault("InternalError", 500), "bucket-unreachable"],
      [fault("TooManyRequests", 429), "bucket-unreachable"],
      [fault("Error", undefined, "ECONNREFUSED"), "bucket-unreachable"],
      [fault("Error", undefined, "ENOTFOUND"), "bucket-unreachable"],
      [fault("TimeoutError"), "bucket-unreachable"],
      [fault("NotImplemented", 501), "bucket-unable"],
      [fault("QuotaExceeded", 403), "backup-store-full"],
      [fault("InvalidRequest", 400), "backup-store-failed"],
    ];
    for (const [error, code] of cases) {
      const told = s3Error(error, SETTINGS);
      assert.equal(told.code, code, error.name);
      assert.notEqual(told.hint, undefined);
      assert(told.message.includes("s3://company-backups/a/b"));
    }
    const own = new DomainError("own", "is not told anew");
    assert.equal(s3Error(own, SETTINGS), own);
  });

  it("names no access key", () => {
    const error = fault(
      "InvalidAccessKeyId",
      403,
      undefined,
      "Key AKIAABCDEFGHIJKLMNOP is unknown",
    );
    assert(!JSON.stringify(s3Error(error, SETTINGS).details).includes("AKIAABCDEFGHIJKLMNOP"));
  });
});
