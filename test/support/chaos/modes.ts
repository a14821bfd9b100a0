import { MODES, type Mode } from "../managed-database.ts";
import { LONG } from "./extent.ts";
import { World } from "./world.ts";

/** Declares a test; each journal mode gets a world of its own that is as new. */
export type DeclareTest = (title: string, test: (world: World) => Promise<void>) => void;

export interface ModeTests {
  /** In both journal modes side by side. */
  readonly inBothModes: DeclareTest;
  /** In both in the long form; in the short form in one of them, by turns. */
  readonly inTurn: DeclareTest;
  /** In the long form only, in both modes. */
  readonly whenLong: DeclareTest;
}

/** For a suite: makes a world for each journal mode, and ways to declare tests in them. */
export function eachMode(): ModeTests {
  const worlds = new Map<Mode, World>();
  before(async () => {
    await Promise.all(MODES.map(async (mode) => worlds.set(mode, await World.create(mode))));
  });
  after(async () => {
    for (const world of worlds.values()) await world.remove();
  });
  const declare = (modes: readonly Mode[], ...[title, test]: Parameters<DeclareTest>): void => {
    it(`${title} (${modes.join(", ")})`, () =>
      allOf(modes, async (mode) => {
        const world = worlds.get(mode)!;
        await world.reset();
        await test(world);
      }));
  };
  let turn = 0;
  return {
    inBothModes: (...test) => declare(MODES, ...test),
    inTurn: (...test) => declare(LONG ? MODES : [MODES[turn++ % MODES.length]!], ...test),
    whenLong: (...test) => {
      if (LONG) declare(MODES, ...test);
    },
  };
}

/** Waits for all of them, also if one fails, so that none runs on into the next test. */
async function allOf(modes: readonly Mode[], test: (mode: Mode) => Promise<void>): Promise<void> {
  const ends = await Promise.allSettled(modes.map(test));
  for (const [i, end] of ends.entries())
    if (end.status === "rejected") throw new Error(`In mode ${modes[i]}`, { cause: end.reason });
}
