import { deepEqual, equal, throws } from "node:assert/strict";
import { lazy, together } from "../../../src/api/lazy.ts";

describe("an object made lazily", () => {
  it("makes a member when it is first asked for, and once", () => {
    const made: string[] = [];
    const make = (name: string) => (): string => {
      made.push(name);
      return name;
    };
    const object = lazy<{ a: string; b: string }>({ a: make("a"), b: make("b") });
    deepEqual(made, []);
    deepEqual(Object.keys(object), ["a", "b"]);
    deepEqual([object.b, object.b], ["b", "b"]);
    deepEqual(made, ["b"]);
    const { a } = object;
    equal(a, "a");
    deepEqual(made, ["b", "a"]);
  });

  it("makes members together that belong together", () => {
    let times = 0;
    const pair = together({ a: true, b: true }, () => {
      times += 1;
      return { a: 1, b: 2 };
    });
    equal(times, 0);
    const object = lazy<{ a: number; b: number }>(pair);
    deepEqual([object.b, object.a], [2, 1]);
    equal(times, 1);
  });

  it("tries again what could not be made", () => {
    let isReady = false;
    const object = lazy<{ a: number }>({
      a: () => {
        if (!isReady) throw new Error("not yet");
        return 1;
      },
    });
    throws(() => object.a, /not yet/);
    isReady = true;
    equal(object.a, 1);
  });
});
