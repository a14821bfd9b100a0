/** The second signal does not wait any more. */
export const untilSignalled = (): Promise<void> =>
  new Promise((resolve) => {
    const signals = ["SIGTERM", "SIGINT"] as const;
    const stop = (): void => {
      for (const signal of signals) process.once(signal, () => process.exit(1));
      resolve();
    };
    for (const signal of signals) process.once(signal, stop);
  });
