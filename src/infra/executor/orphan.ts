const parent = process.ppid;

/**
 * Ends this process if the one that started it has gone; what is open rolls back. A statement
 * keeps a process from hearing of the disconnection, and so does an engine that goes from one
 * statement to the next at once. Between them, this asks the system;
 * during one, the kernel ends the process where it can (executor-child.ts).
 */
export function exitIfOrphaned(): void {
  if (process.ppid !== parent) {
    process.exit(1);
  }
}
