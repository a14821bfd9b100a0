import assert from "node:assert/strict";
import { copyFile, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TestService } from "../support/service.ts";

describe("an older ledger in the place of the present one", () => {
  let service: TestService;
  const file = (name: string): string => join(service.data, name);

  before(async () => {
    service = await TestService.start();
    await service.halt();
    await copyFile(file("ledger.db"), file("older.db"));
    await service.restart();
    await service.register("shop");
    await service.halt();
    await copyFile(file("ledger.db"), file("newest.db"));
  });
  after(() => service.stop());
  beforeEach(async () => {
    await copyFile(file("newest.db"), file("ledger.db"));
    await rm(file("projection.db"), { force: true });
  });
  afterEach(() => service.halt());

  it("is refused at the start, and changed in nothing", async () => {
    await copyFile(file("older.db"), file("ledger.db"));
    await assert.rejects(service.restart(), { code: "ledger-rolled-back" });
    assert.deepEqual(await readFile(file("ledger.db")), await readFile(file("older.db")));
    await copyFile(file("newest.db"), file("ledger.db"));
    await service.restart();
  });

  it("is refused when there is none at all", async () => {
    await rm(file("ledger.db"));
    await assert.rejects(service.restart(), { code: "ledger-rolled-back" });
  });

  it("is found by a verification when it has grown since", async () => {
    await rm(file("checkpoint"));
    await copyFile(file("older.db"), file("ledger.db"));
    await service.restart();
    for (const name of ["a", "b", "c"]) await service.register(name);
    await service.halt();
    const forked = await readFile(file("checkpoint"), "utf8");
    await copyFile(file("newest.db"), file("ledger.db"));
    await rm(file("checkpoint"));
    await rm(file("projection.db"));
    await service.restart();
    for (const name of ["a", "b", "c"])
      await service.tokenFor(name === "a" ? "auditor" : "operator");
    await writeFile(file("checkpoint"), forked);
    const { body } = await service.post("/v1/ledger/verifications");
    assert.equal(body["ok"], false);
    assert.match(body["findings"][0].code, /kept-checkpoint-ahead/);
  });

  it("is not taken for one when a checkpoint was not kept yet or is behind", async () => {
    await rm(file("checkpoint"), { force: true });
    await service.restart();
    await service.halt();
    const kept = await readFile(file("checkpoint"));
    assert.equal((await stat(file("checkpoint"))).mode & 0o777, 0o600);
    await service.restart();
    await service.tokenFor("auditor");
    await service.halt();
    assert.notDeepEqual(await readFile(file("checkpoint")), kept);
    await writeFile(file("checkpoint"), kept);
    await service.restart();
    assert.equal((await service.post("/v1/ledger/verifications")).body["ok"], true);
  });

  it("is refused by the projection alone, whether it is shorter or has grown since", async () => {
    await rm(file("checkpoint"), { force: true });
    await service.restart();
    await service.halt();
    const projection = await readFile(file("projection.db"));
    await rm(file("checkpoint"));
    await copyFile(file("older.db"), file("ledger.db"));
    await assert.rejects(service.restart(), { code: "ledger-rolled-back" });
    assert.deepEqual(await readFile(file("ledger.db")), await readFile(file("older.db")));
    await rm(file("projection.db"));
    await service.restart();
    for (const name of ["d", "e", "f"]) await service.register(name);
    await service.halt();
    await rm(file("checkpoint"));
    await writeFile(file("projection.db"), projection);
    const grown = await readFile(file("ledger.db"));
    await assert.rejects(service.restart(), { code: "ledger-rolled-back" });
    assert.deepEqual(await readFile(file("ledger.db")), grown);
    await rm(file("checkpoint"), { force: true });
  });

  it("cannot be told by a checkpoint that is damaged", async () => {
    await writeFile(file("checkpoint"), "nonsense");
    await assert.rejects(service.restart(), { code: "checkpoint-file-damaged" });
    await rm(file("checkpoint"));
  });
});
