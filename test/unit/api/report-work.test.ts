import assert from "node:assert/strict";
import { reportWork } from "../../../src/api/report-work.ts";
import { Unavailable } from "../../../src/domain/shared/errors.ts";
import type { LogRecord } from "../../../src/infra/telemetry/logger.ts";

describe("work that nobody waits for", () => {
  const told = (error: unknown): string => {
    const log: LogRecord[] = [];
    reportWork((record) => log.push(record))(error);
    assert.equal(log.length, 1);
    return `${log[0]!.level}: ${log[0]!.message}`;
  };

  it("is no error when the service stops before its turn", () => {
    const stopping = new Unavailable("service-stopping", "The service is stopping");
    assert.match(told(stopping), /^info: .* next start$/);
  });

  it("is one whenever else it could not be recorded", () => {
    assert.match(told(new Unavailable("ledger-closed", "closed")), /^error: /);
    assert.match(told(new Error("of the program")), /^error: /);
  });
});
