import { acquireDirectoryLock } from "../../src/infra/files/directory-lock.ts";

/* Takes the lock of the directory in its argument, says so, and holds it until it is killed. */
await acquireDirectoryLock(process.argv[2]!, "the first", "2025-01-01T00:00:00.000Z");
process.send!("locked");
setInterval(() => undefined, 1000);
