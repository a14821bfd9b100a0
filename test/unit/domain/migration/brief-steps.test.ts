import assert from "node:assert/strict";
import { stepsTogether } from "../../../../src/domain/migration/brief-steps.ts";
import type {
  PreparedStep,
  PreparedSteps,
} from "../../../../src/domain/migration/prepared-steps.ts";
import type { StepToRun } from "../../../../src/domain/migration/step-runner.ts";

type Special = Partial<StepToRun> & { readonly alone?: "destroys" | "none" };

/** A hundred steps, all as `every` but for some. */
function hundred(every: Special, others: { readonly [at: number]: Special } = {}): PreparedSteps {
  const steps = Array.from({ length: 100 }, (_, n): StepToRun & Special => ({
    version: String(n),
    direction: "up",
    expectedAfter: null,
    ...every,
    ...others[n],
  }));
  const prepared = (step: StepToRun & Special): PreparedStep =>
    ({
      step,
      script: { transaction: step.alone === "none" ? "none" : "required" },
      destroys: step.alone === "destroys" ? ["t"] : [],
    }) as unknown as PreparedStep;
  return {
    steps,
    at: (at: number) => Promise.resolve(prepared(steps[at]!)),
  } as unknown as PreparedSteps;
}

/** How many steps go together each time, `*` where nothing is sent behind them. */
async function courseOf(steps: PreparedSteps, lastMs = 1): Promise<string> {
  const sizes: string[] = [];
  let before = 0;
  for (let at = 0; at < 100; at += before) {
    const slowest = at === 0 ? Infinity : lastMs;
    const { steps: chosen, isBrief } = await stepsTogether(steps, at, before, slowest);
    before = chosen.length;
    sizes.push(`${before}${isBrief ? "" : "*"}`);
  }
  return sizes.join(" ");
}

describe("the steps that are sent together", () => {
  it("are many when they were rehearsed and brief", async () => {
    assert.equal(await courseOf(hundred({ rehearsedMs: 0 })), "8 16 32 32 12");
    assert.equal(await courseOf(hundred({ rehearsedMs: 2 })), "8 16 25 25 25 1");
    assert.equal(await courseOf(hundred({ rehearsedMs: 30 })), Array(100).fill("1").join(" "));
    assert.equal(await courseOf(hundred({ rehearsedMs: 51 })), Array(100).fill("1*").join(" "));
  });

  it("are as many when they are untried, behind a first one that goes alone", async () => {
    const small = { isOnSmall: true };
    assert.equal(await courseOf(hundred(small)), "1* 8 16 32 32 11");
    assert.equal(await courseOf(hundred(small), 20), `1* ${Array(49).fill("2").join(" ")} 1`);
    assert.equal(await courseOf(hundred(small), 60), Array(100).fill("1*").join(" "));
  });

  it("are one each, the next sent behind it, when nobody can say how long they take", async () => {
    const course = await courseOf(hundred({ isOnSmall: false }));
    assert.equal(course, `1* ${Array(99).fill("1").join(" ")}`);
  });

  it("end before what goes alone", async () => {
    const steps = hundred(
      { rehearsedMs: 1 },
      { 5: { alone: "destroys" }, 20: { alone: "none" }, 40: { rehearsedMs: 3000 } },
    );
    assert.equal(await courseOf(steps), "5 1* 8 6 1* 8 11 1* 8 16 32 3");
  });
});
