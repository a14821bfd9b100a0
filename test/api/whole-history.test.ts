import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { get, type IncomingMessage } from "node:http";
import { TestService } from "../support/service.ts";

const PATH = "/v1/audit/events";
const NDJSON = { accept: "application/x-ndjson" };
const TABLES = 300;

interface Whole {
  readonly status: number;
  readonly text: string;
  readonly size: number;
  readonly trailers: NodeJS.Dict<string>;
}

describe("the whole history", () => {
  let service: TestService;

  before(async () => {
    service = await TestService.start({ auditReads: "all" });
    for (const name of ["shop", "bank"]) {
      await service.register(name);
      const migrations = Array.from({ length: TABLES }, (_, n) => ({
        version: `${n}`,
        name: `=table ${n}, "quoted" ü`,
        up: `CREATE TABLE t${n} (id INTEGER PRIMARY KEY)`,
      }));
      const { status } = await service.post(`/v1/databases/${name}/migrations`, { migrations });
      assert.equal(status, 201);
    }
  });
  after(() => service.stop());

  const whole = (query: string, headers: object = {}): Promise<Whole> =>
    new Promise((resolve, reject) => {
      const asked = { headers: { authorization: `Bearer ${service.token}`, ...headers } };
      get(`${service.url}${PATH}?limit=all${query}`, asked, (answer) => {
        readAll(answer).then(
          (text) =>
            resolve({
              status: answer.statusCode!,
              text,
              size: Number(answer.headers["ledger-size"]),
              trailers: answer.trailers,
            }),
          reject,
        );
      }).on("error", reject);
    });

  /** The same by pages of the ordinary kind. */
  const paged = async (query: string): Promise<string[]> => {
    const lines: string[] = [];
    for (let after = ""; ;) {
      const { text, headers } = await service.get(`${PATH}?limit=1000${query}${after}`, {
        headers: NDJSON,
      });
      lines.push(...text.split("\n").slice(0, -1));
      const next = /after=(\d+)/.exec(headers.get("link") ?? "");
      if (next === null) return lines;
      after = `&after=${next[1]}`;
    }
  };

  const lastRead = async (): Promise<Record<string, unknown>> => {
    for (;;) {
      const { body } = await service.get(`${PATH}?type=AuditAccessed&order=desc&limit=1000`);
      const found = (body["items"] as { data: { shown: Record<string, unknown>[] } }[])
        .flatMap(({ data }) => data.shown.toReversed())
        .find(({ query }) => (query as { limit?: string }).limit === "all");
      if (found !== undefined) return found;
      await sleep(100);
    }
  };

  it("is what the pages are, up to the newest event of its moment", async () => {
    for (const query of [
      "",
      "&order=desc",
      "&database=shop",
      "&database=bank&type=MigrationRegistered&order=desc",
    ]) {
      const size = await service.size();
      const { status, text, size: told } = await whole(query, NDJSON);
      assert.equal(status, 200);
      assert.ok(told >= size);
      const expected = (await paged(query)).filter((line) => JSON.parse(line).index < told);
      assert.deepEqual(text.split("\n").slice(0, -1), expected, query);
    }
  });

  it("tells at its end how many there were, and their digest, and so does the ledger", async () => {
    const { text, trailers } = await whole("&database=shop", NDJSON);
    const digest = createHash("sha256").update(text);
    assert.equal(Number(trailers["event-count"]), text.split("\n").length - 1);
    assert.equal(trailers["content-digest"], `sha-256=:${digest.copy().digest("base64")}:`);
    await service.restart();
    const read = await lastRead();
    assert.equal(read["sha256"], `sha256:${digest.digest("hex")}`);
    assert.equal(read["items"], Number(trailers["event-count"]));
    assert.equal(read["format"], "application/x-ndjson");
    assert.ok(!("brokenOff" in read));
  });

  it("comes as JSON and as CSV too, in which no cell is a formula", async () => {
    const { text, size } = await whole("&database=shop");
    const { items, next } = JSON.parse(text) as { items: { index: number }[]; next: null };
    assert.equal(next, null);
    assert.ok(items.length > TABLES && items.every(({ index }) => index < size));
    const csv = await whole("&database=shop", { accept: "text/csv" });
    assert.match(csv.text, /^index,id,type/);
    assert.equal(csv.text.split("\r\n").length - 2, items.length);
    const none = await whole("&database=shop&type=DriftDetected");
    assert.deepEqual(JSON.parse(none.text), { items: [], next: null });
  });

  it("leaves a trace when reads are recorded otherwise from now on", async () => {
    for (const auditReads of ["exports", "exports", "sample:10", "all"])
      await service.restart({ auditReads });
    const { body } = await service.get(`${PATH}?type=AuditReadsChanged`);
    assert.deepEqual(
      (body["items"] as { data: { reads: string } }[]).map(({ data }) => data.reads),
      ["exports", "sample:10", "all"],
    );
    await assert.rejects(service.restart({ auditReads: "sample:0" }), { code: "config-invalid" });
    await service.restart();
  });

  it("takes no other word", async () => {
    for (const limit of ["ALL", "0", "1001", "all&limit=all"])
      assert.equal((await service.get(`${PATH}?limit=${limit}`)).status, 400, limit);
  });
});

async function readAll(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
