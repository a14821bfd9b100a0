import assert from "node:assert/strict";
import { RunControl } from "../../../../src/domain/migration/run-control.ts";

describe("RunControl", () => {
  it("lets a run that waits be withdrawn, and then never begin", () => {
    const control = new RunControl();
    assert.equal(control.withdraw(), true);
    assert.equal(control.begin(), false);
  });

  it("leaves a run that has begun to its driver", () => {
    const control = new RunControl();
    assert.equal(control.begin(), true);
    assert.equal(control.withdraw(), false);
  });

  it("can be withdrawn again when recording it failed the first time", () => {
    const control = new RunControl();
    control.withdraw();
    assert.equal(control.withdraw(), true);
  });
});
