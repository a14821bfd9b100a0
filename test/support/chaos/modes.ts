import { MODES, type Mode } from "../managed-database.ts";
import { World } from "./world.ts";

/**
 * For a suite: declares tests that run in both journal modes side by side, each in a world of its
 * own that is as new.
 */
export function eachMode(): (title: string, test: (world: World) => Promise<void>) => void {
  const worlds = new Map<Mode, World>();
  before(async () => {
    for (const mode of MODES) worlds.set(mode, await World.create(mode));
  });
  after(async () => {
    for (const world of worlds.values()) await world.remove();
  });
  return (title, test) => {
    it(title, async () => {
      const ends = await Promise.allSettled(
        MODES.map(async (mode) => {
          const world = worlds.get(mode)!;
          await world.reset();
          await test(world);
        }),
      );
      for (const [i, end] of ends.entries())
        if (end.status === "rejected") {
          const error = end.reason as Error;
          error.message = `${MODES[i]}: ${error.message}`;
          throw error;
        }
    });
  };
}
