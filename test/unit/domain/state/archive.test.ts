import assert from "node:assert/strict";
import { Archive } from "../../../../src/domain/state/archive.ts";
import type { ProjectionStore } from "../../../../src/domain/state/projection-store.ts";
import type { CheckState } from "../../../../src/domain/state/state.ts";
import { digest } from "../../../support/digest.ts";

const check = (id: string): CheckState => ({
  id,
  databaseId: "db",
  level: "quick",
  runId: undefined,
  started: { index: Number(id), time: "2026-01-01T00:00:00.000Z", actor: "act" },
  status: "passed",
  ended: null,
  findings: [],
  durationMs: 1,
});

describe("the archive", () => {
  it("lets go of what another process has stored, and of nothing else", async () => {
    const stored = new Set<string>();
    const store = {
      known: async (_kind: string, ids: readonly string[]) => ids.filter((id) => stored.has(id)),
      find: async () => undefined,
    } as unknown as ProjectionStore;
    const archive = new Archive(store, digest);
    for (const id of ["1", "2", "3"]) archive.take({ kind: "checks", entity: check(id) });
    await archive.forgetStored();
    assert.equal(archive.waiting, 3);
    for (const id of ["1", "3"]) stored.add(id);
    await archive.forgetStored();
    assert.equal(archive.waiting, 1);
    assert.equal((await archive.find("checks", "2"))?.id, "2");
    assert.equal(archive.count, 3);
  });
});
