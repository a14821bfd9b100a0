import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { IdempotentRequests, type Repeatable } from "../../src/api/idempotency.ts";
import { SERVICE_STREAM } from "../../src/domain/events.ts";
import type { Context } from "../../src/domain/shared/actor.ts";
import { digest } from "../support/digest.ts";
import { TestService } from "../support/service.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const CONTEXT: Context = {
  actor: { id: "act_0123456789abcdef0123456789abcdef", kind: "service" },
  authn: { method: "api-key", keyId: "k" },
  source: {},
  requestId: "r",
};

describe("IdempotentRequests", () => {
  const directory = temporaryDirectory();

  const open = () => {
    const ledger = openLedger(directory.file("ledger.db"));
    return { ledger, requests: new IdempotentRequests(ledger, digest) };
  };
  const revoke = (ledger: ReturnType<typeof openLedger>, context: Context) =>
    ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context,
      events: [{ type: "KeyRevoked", data: { keyId: "k", reason: "r" } }],
    });
  const request = (run: Repeatable["run"], over: Partial<Repeatable> = {}): Repeatable => ({
    path: "/v1/things",
    key: "key",
    body: { a: 1 },
    context: CONTEXT,
    secretMembers: [],
    run,
    recover: () => Promise.resolve(undefined),
    ...over,
  });

  it("does the work once for requests at the same time", async () => {
    const { ledger, requests } = open();
    let runs = 0;
    const run = async (context: Context) => {
      runs += 1;
      await revoke(ledger, context);
      await delay(20);
      return { status: 202, body: { run: runs }, headers: { Location: "/v1/things/1" } };
    };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => requests.answer(request(run))),
    );
    assert.equal(runs, 1);
    assert.equal((await ledger.head()).size, 1);
    for (const { status, body, headers } of answers) {
      assert.equal(status, 202);
      assert.deepEqual(body, { run: 1 });
      assert.equal(headers?.["Location"], "/v1/things/1");
    }
    assert.equal(answers.filter(({ headers }) => headers?.["Idempotent-Replay"]).length, 4);
    await ledger.close();
  });

  it("answers the same after a restart, whatever the order of the members", async () => {
    const first = open();
    const body = { a: 1, b: 2 };
    await first.requests.answer(
      request(
        async (context) => {
          await revoke(first.ledger, context);
          return { status: 201, body: { x: 1 } };
        },
        { body },
      ),
    );
    await first.ledger.close();
    const second = open();
    const again = await second.requests.answer(
      request(() => assert.fail("it ran again"), { body: { b: 2, a: 1 } }),
    );
    assert.deepEqual(again.body, { x: 1 });
    await second.ledger.close();
  });

  it("remembers commands that append nothing", async () => {
    const { ledger, requests } = open();
    let runs = 0;
    const run = async () => ({ status: 201, body: { run: (runs += 1) } });
    await requests.answer(request(run));
    assert.deepEqual((await requests.answer(request(run))).body, { run: 1 });
    assert.equal((await ledger.head()).size, 0);
    await ledger.close();
  });

  it("forgets a request that failed", async () => {
    const { ledger, requests } = open();
    await assert.rejects(requests.answer(request(() => Promise.reject(new Error("no")))), /no/);
    const answer = await requests.answer(request(async () => ({ status: 200 })));
    assert.equal(answer.status, 200);
    await ledger.close();
  });

  it("answers with what the first request began when its answer was lost", async () => {
    const { ledger, requests } = open();
    const dying = request(async (context) => {
      await revoke(ledger, context);
      throw new Error("the process ends here");
    });
    await assert.rejects(requests.answer(dying));
    const again = request(() => assert.fail("it ran again"), {
      recover: async (first) => ({ status: 202, body: { began: first.index } }),
    });
    const recovered = await requests.answer(again);
    assert.equal(recovered.status, 202);
    assert.deepEqual(recovered.body, { began: 0 });
    await ledger.close();
  });

  it("says so when the answer was lost and cannot be found again", async () => {
    const { ledger, requests } = open();
    const run: Repeatable["run"] = async (context) => {
      await revoke(ledger, context);
      throw new Error("the process ends here");
    };
    await assert.rejects(requests.answer(request(run)));
    await assert.rejects(requests.answer(request(run)), { code: "idempotency-answer-lost" });
    assert.equal((await ledger.head()).size, 1);
    await ledger.close();
  });

  it("keeps one actor's keys apart from another's", async () => {
    const { ledger, requests } = open();
    await requests.answer(request(async () => ({ status: 200, body: { of: "one" } })));
    const context: Context = { ...CONTEXT, actor: { ...CONTEXT.actor, id: "act_other" } };
    const run = async () => ({ status: 200, body: { of: "other" } });
    const other = await requests.answer(request(run, { context }));
    assert.deepEqual(other.body, { of: "other" });
    await ledger.close();
  });
});

describe("Idempotency-Key", () => {
  let service: TestService;
  before(async () => {
    service = await TestService.start();
  });
  after(() => service.stop());

  const keyed = (path: string, body: unknown, key: string) =>
    service.post(path, body, { headers: { "idempotency-key": key } });

  it("gives a repeated registration its first answer, also after a restart", async () => {
    const url = `${service.databases}/shop.db`;
    const body = { name: "shop", engine: "sqlite", url, create: true };
    const first = await keyed("/v1/databases", body, "one");
    assert.equal(first.status, 201);
    await service.restart();
    const again = await keyed("/v1/databases", body, "one");
    assert.equal(again.status, 201);
    assert.equal(again.text, first.text);
    assert.equal(again.headers.get("location"), "/v1/databases/shop");
    assert.equal(again.headers.get("idempotent-replay"), "true");
  });

  it("never stores a token: the repeated answer is the key without it", async () => {
    const body = { name: "ci", roles: ["operator"] };
    const first = await keyed("/v1/keys", body, "two");
    assert.match(first.body["token"], /^sl_[\w-]{43}$/);
    const again = await keyed("/v1/keys", body, "two");
    assert.equal(again.status, 201);
    assert.equal(again.body["id"], first.body["id"]);
    assert.equal(again.body["token"], undefined);
  });
});
