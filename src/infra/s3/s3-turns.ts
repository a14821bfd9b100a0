/** Work on one thing at a time, in the order in which it was asked for, within this process. */
export async function inTurn<T>(thing: string, work: () => Promise<T>): Promise<T> {
  const before = turns.get(thing) ?? Promise.resolve();
  const mine = before.then(work);
  // Whoever comes next does not care how it ended.
  const ended = mine.then(
    () => {},
    () => {},
  );
  turns.set(thing, ended);
  try {
    return await mine;
  } finally {
    if (turns.get(thing) === ended) turns.delete(thing);
  }
}

const turns = new Map<string, Promise<void>>();
