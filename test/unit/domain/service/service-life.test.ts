import assert from "node:assert/strict";
import { startToRecord } from "../../../../src/domain/service/service-life.ts";
import type { DomainEvent } from "../../../../src/domain/events.ts";
import { event, given, registered } from "../../../support/history.ts";

const RUNS_WITH = { version: "1.0.0", settings: "sha256:s" };
const started = event("ServiceStarted", { ...RUNS_WITH, after: "first" });
const stopped = event("ServiceStopped", { seconds: 1 });
/** When the events of a history happened. */
const THEN = Date.parse("2026-01-02T03:04:00.000Z");

describe("the start of a service", () => {
  const after = (events: readonly DomainEvent[], seconds: number): string | undefined => {
    const now = new Date(THEN + seconds * 1000).toISOString();
    return startToRecord(given(...registered, ...events), now, RUNS_WITH)?.data.after;
  };

  it("says how the one before has ended", () => {
    assert.equal(after([], 1000), "first");
    assert.equal(after([started, stopped], 1000), "stop");
    assert.equal(after([started], 1000), "crash");
    assert.equal(after([started, stopped, started], 1000), "crash");
  });

  it("is not recorded again and again while it dies at once", () => {
    assert.equal(after([started], 1), undefined);
    const used = event("KeyUsed", { keyId: "k" });
    const key = event("KeyIssued", {
      keyId: "k",
      name: "k",
      roles: ["admin"],
      tokenHash: "sha256:t",
      actorId: "a",
      actorKind: "user",
    });
    assert.equal(after([key, started, used], 1), "crash");
  });
});
