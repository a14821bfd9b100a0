import { equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";

const CLOSERS = new URL("../../src/api/closers.js", import.meta.url).href;

describe("closing", () => {
  it("goes on to its end although nothing but its own timers is left", () => {
    const code = `
      import { setTimeout as delay } from "node:timers/promises";
      const { Closers } = await import(${JSON.stringify(CLOSERS)});
      const closers = new Closers();
      closers.add(() => console.log("closed"));
      closers.add(() => delay(20, undefined, { ref: false }));
      await closers.close();
    `;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
      encoding: "utf8",
    });
    equal(stdout, "closed\n");
    equal(status, 0);
  });
});
