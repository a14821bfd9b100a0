import assert from "node:assert/strict";
import fc from "fast-check";
import type { EntityKinds, Kind } from "../../../src/domain/state/entity-query.ts";
import type { Projection } from "../../../src/domain/state/projection.ts";
import { IN_MEMORY } from "../../../src/infra/sqlite/projection-file.ts";
import type { SqliteLedger } from "../../../src/infra/sqlite/sqlite-ledger.ts";
import { extent } from "../../support/chaos/extent.ts";
import { appendTo } from "../../support/ledger-samples.ts";
import { startProjection } from "../../support/projection.ts";
import { randomHistory, type HistoryAppend } from "../../support/random-history.ts";
import { openLedger } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const KINDS = ["runs", "backups", "restores", "checks"] as const satisfies readonly Kind[];

/** What happens between two appends: the process ends in order, or appends while it does not run. */
type Between = "goes-on" | "stops" | "is-away";

describe("a stored projection", () => {
  const directory = temporaryDirectory();
  let round = 0;

  it("is the same wherever the history was split into what was stored and what came after", async function () {
    this.timeout(extent(60_000, 1_200_000));
    const between = fc.constantFrom<Between>("goes-on", "goes-on", "goes-on", "stops", "is-away");
    const history = fc.record({
      seed: fc.integer(),
      things: fc.integer({ min: 1, max: 25 }),
      between: fc.array(between, { minLength: 60, maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ seed, things, between }) => {
        await compare(randomHistory(seed, things), between);
      }),
      { numRuns: extent(25, 300) },
    );
  });

  async function compare(history: HistoryAppend[], between: readonly Between[]): Promise<void> {
    round += 1;
    const ledger = openLedger(directory.file(`ledger-${round}.db`));
    const file = directory.file(`projection-${round}.db`);
    let { projection } = await startProjection(ledger, file);
    let away = false;
    for (const [i, { stream, events }] of history.entries()) {
      const what = between[i % between.length]!;
      if (what !== "goes-on" && !away) await projection.stop();
      if (what === "is-away") away = true;
      else if (what === "stops" || away) {
        const started = await startProjection(ledger, file, { stretch: 7 });
        assert.deepEqual(started.notices, []);
        ({ projection } = started);
        away = false;
      }
      await ledger.append(appendTo(stream, "any", { events }));
    }
    if (away) ({ projection } = await startProjection(ledger, file));
    await assertSame(projection, ledger, history);
    await projection.stop();
    await ledger.close();
  }

  /** Against one that folded everything in one go and stored nothing. */
  async function assertSame(
    projection: Projection,
    ledger: SqliteLedger,
    history: readonly HistoryAppend[],
  ): Promise<void> {
    const { projection: anew } = await startProjection(ledger, IN_MEMORY);
    for (const kind of KINDS) {
      const all = await everything(projection, kind);
      assert.deepEqual(all, await everything(anew, kind));
      assert.equal(all.length, begun(history, kind));
      for (const entity of all)
        assert.deepEqual(plain(await projection.find(kind, entity.id)), plain(entity));
      const ids = [...all.map(({ id }) => id), "nobody"];
      assert.equal((await projection.known(kind, ids)).size, all.length);
    }
    const [one, other] = [await projection.rebuild(), await anew.rebuild()];
    assert.equal(one.before, one.after);
    assert.deepEqual(one, other);
    await anew.stop();
  }
});

/** All of a kind, read in pages of three. */
async function everything<K extends Kind>(
  projection: Projection,
  kind: K,
): Promise<EntityKinds[K][]> {
  const found: EntityKinds[K][] = [];
  for (let before = Infinity; ;) {
    const page = await projection.list(kind, { before, limit: 3 });
    found.push(...page.map(plain));
    if (page.length < 3) return found;
    const last = page.at(-1)!;
    before = "requested" in last ? last.requested.index : last.started.index;
  }
}

/** Without members that are undefined: what was stored lacks them. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

const BEGINNINGS = {
  runs: "RunRequested",
  backups: "BackupStarted",
  restores: "RestoreRequested",
  checks: "IntegrityCheckStarted",
} as const;

const begun = (history: readonly HistoryAppend[], kind: (typeof KINDS)[number]): number =>
  history.flatMap(({ events }) => events).filter(({ type }) => type === BEGINNINGS[kind]).length;
