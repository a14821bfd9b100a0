import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { rmSync, writeFileSync } from "node:fs";
import type { DomainEvent, EventType } from "../../../src/domain/events.ts";
import type { EventQuery } from "../../../src/domain/ledger/ledger.ts";
import type { SqliteLedger } from "../../../src/infra/sqlite/sqlite-ledger.ts";
import { appendTo, context, revoked } from "../../support/ledger-samples.ts";
import { openLedger } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const STREAMS = ["database:a", "database:b", "database:c"];
const TYPES = ["KeyRevoked", "RunRequested", "DriftDetected"] as EventType[];

describe("the search index", () => {
  const directory = temporaryDirectory();
  let ledger: SqliteLedger;
  const file = (): string => directory.file("search.db");

  beforeEach(async () => {
    ledger = openLedger(directory.file("ledger.db"));
    await append(60);
  });
  afterEach(async () => {
    await ledger.close();
  });

  /** Events of three streams by three actors, of a type each. */
  async function append(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const actor = { id: `act_${String((n * 7) % 4).padStart(32, "0")}`, kind: "user" } as const;
      const events = [{ ...revoked(1)[0]!, type: TYPES[((n * 5) % 7) % 3]! } as DomainEvent];
      const one = appendTo(STREAMS[n % 3]!, "any", { events, context: context({ actor }) });
      await ledger.append(one);
    }
  }

  function* queries(): Generator<EventQuery> {
    for (const stream of [undefined, "database:b", "database:none"])
      for (const actor of [undefined, `act_${"1".padStart(32, "0")}`])
        for (const types of [undefined, [TYPES[0]!], TYPES, [TYPES[1]!, TYPES[2]!]])
          for (const order of ["asc", "desc"] as const)
            for (const after of [undefined, 20, 500])
              yield {
                order,
                limit: 7,
                ...(stream === undefined ? {} : { stream }),
                ...(actor === undefined ? {} : { actor }),
                ...(types === undefined ? {} : { types }),
                ...(after === undefined ? {} : { after }),
              };
  }

  const answers = (): (readonly number[])[] =>
    [...queries()].map((query) => ledger.readRows(query).map(({ index }) => index));

  it("gives the answers that the ledger gives without it, also after more events", async () => {
    const without = answers();
    assert.ok(without.some((one) => one.length === 7));
    ledger.searchWith(file());
    assert.deepEqual(answers(), without);
    await append(30);
    const more = answers();
    await ledger.close();
    ledger = openLedger(directory.file("ledger.db"));
    assert.deepEqual(answers(), more);
    ledger.searchWith(file());
    assert.deepEqual(answers(), more);
  });

  it("keeps to bounds on time", async () => {
    const [middle] = ledger.readRows({ after: 29, limit: 1, order: "asc" });
    const query: EventQuery = {
      stream: "database:b",
      types: TYPES,
      from: middle!.time,
      to: middle!.time,
      limit: 100,
      order: "asc",
    };
    const without = ledger.readRows(query);
    ledger.searchWith(file());
    assert.deepEqual(ledger.readRows(query), without);
  });

  it("is made anew when it is not of this ledger, damaged, or gone", async () => {
    const without = answers();
    const again = async (spoil: () => void): Promise<void> => {
      await ledger.close();
      spoil();
      ledger = openLedger(directory.file("ledger.db"));
      ledger.searchWith(file());
      assert.deepEqual(answers(), without);
    };
    await again(() => undefined);
    await again(() => rmSync(file()));
    await again(() =>
      writeFileSync(file(), "this is no database, but long enough to look like one"),
    );
    const other = openLedger(directory.file("other.db"));
    await other.append(appendTo("database:b", "any", { events: revoked(3) }));
    await again(() => rmSync(file()));
    await ledger.close();
    other.searchWith(file());
    assert.equal(
      other.readRows({ stream: "database:b", types: TYPES, limit: 9, order: "asc" }).length,
      3,
    );
    await other.close();
    await again(() => undefined);
  });

  it("answers without it, and says so once, when it breaks under way", async () => {
    const errors: unknown[] = [];
    ledger.searchWith(file(), (error) => errors.push(error));
    answers();
    const other = new Database(file());
    other.exec("DROP TABLE by_all");
    other.close();
    await append(30);
    const broken = answers();
    assert.equal(errors.length, 1);
    await ledger.close();
    ledger = openLedger(directory.file("ledger.db"));
    assert.deepEqual(answers(), broken);
  });

  it("breaks also while nobody asks, and the ledger goes on", async () => {
    const errors: unknown[] = [];
    const told = new Promise<void>((resolve) =>
      ledger.searchWith(file(), (error) => resolve(void errors.push(error))),
    );
    answers();
    const other = new Database(file());
    other.exec("DROP TABLE by_all");
    other.close();
    await append(30);
    await told;
    await append(30);
    answers();
    assert.equal(errors.length, 1);
  });
});
