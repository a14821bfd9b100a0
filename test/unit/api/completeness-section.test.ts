import assert from "node:assert/strict";
import { completeness } from "../../../src/api/report/log-sections.ts";
import { tableHtml } from "../../../src/api/report/report-html.ts";
import type { ChangeReport } from "../../../src/domain/audit/report/change-report.ts";

describe("what a report says of its completeness", () => {
  const note = (found: Partial<ChangeReport["completeness"]>): string | undefined => {
    const zero = { indexGaps: 0, streamGaps: 0, schemaTransitions: 0, unexplainedTransitions: 0 };
    const more = { attempts: 0, attemptsWithoutOutcome: 0, timesSetBack: 0, longestSilenceMs: 0 };
    const report = {
      completeness: { events: { expected: 1, read: 1 }, ...zero, ...more, ...found },
      faults: [],
      eventsByType: new Map(),
      logLife: { anchors: [], heartbeats: 0, gaps: null },
    };
    return completeness(report as unknown as ChangeReport).note;
  };

  it("does not claim more than its numbers", () => {
    const all = { complete: true, databasesChanged: 2 };
    assert.match(note({ ...all, databasesReconciled: 2 })!, /^Nothing is missing/);
    assert.match(note({ ...all, databasesReconciled: 1 })!, /Not every database was checked/);
    assert.match(note({ ...all, complete: false, databasesReconciled: 2 })!, /^SOMETHING/);
  });

  it("does not break a status in two", () => {
    const columns = [{ title: "Outcome" }];
    const html = tableHtml({ columns, rows: [["succeeded"], ["<b>"]] });
    assert.ok(html.includes('<td><span class="word">succeeded</span></td>'));
    assert.ok(html.includes("<td>&lt;b&gt;</td>"));
  });
});
