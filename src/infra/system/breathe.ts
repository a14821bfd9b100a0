/** Lets the event loop take what waits: requests, timers, files. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
