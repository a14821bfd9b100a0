import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Conflict, Unavailable } from "../../../src/domain/shared/errors.ts";
import { acquireDirectoryLock } from "../../../src/infra/files/directory-lock.ts";

const HOLDER = fileURLToPath(new URL("../../support/lock-holder.js", import.meta.url));
const since = "2025-01-02T00:00:00.000Z";

describe("acquireDirectoryLock", () => {
  let directory: string;
  let holder: ChildProcess | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "schemaledger-lock-"));
  });

  afterEach(() => {
    holder?.kill("SIGKILL");
    holder = undefined;
    rmSync(directory, { recursive: true });
  });

  const acquire = (path = directory) => acquireDirectoryLock(path, "the second", since);

  function inUse(by: RegExp) {
    return (error: unknown) => {
      assert(error instanceof Conflict);
      assert.equal(error.code, "data-directory-in-use");
      assert.match(error.message, by);
      return true;
    };
  }

  async function heldByAnother(): Promise<ChildProcess> {
    const child = fork(HOLDER, [directory], { execArgv: [] });
    holder = child;
    await once(child, "message");
    return child;
  }

  it("is refused while another process has it, naming that process", async () => {
    const { pid } = await heldByAnother();
    const by = new RegExp(`process ${pid} on .* since 2025-01-01T00:00:00\\.000Z \\(the first\\)`);
    await assert.rejects(acquire(), inUse(by));
    await assert.rejects(acquire(), inUse(by));
  });

  it("goes with a process that is killed", async () => {
    const child = await heldByAnother();
    child.kill("SIGKILL");
    await once(child, "exit");
    const lock = await acquire();
    await assert.rejects(acquire(), inUse(/the second/));
    await lock.release();
  });

  it("is refused to the process that has it, also by another path", async () => {
    const lock = await acquire();
    const alias = `${directory}-alias`;
    symlinkSync(directory, alias);
    try {
      await assert.rejects(acquire(), inUse(new RegExp(`process ${process.pid}`)));
      await assert.rejects(acquire(alias), inUse(new RegExp(`process ${process.pid}`)));
    } finally {
      rmSync(alias);
      await lock.release();
    }
  });

  it("can be taken again once released", async () => {
    const lock = await acquire();
    await lock.release();
    await lock.release();
    assert.equal(existsSync(join(directory, "service.holder.json")), false);
    const again = await acquire();
    await again.release();
  });

  it("is refused by a holder that cannot be read", async () => {
    const lock = await acquire();
    writeFileSync(join(directory, "service.holder.json"), "{");
    await assert.rejects(acquire(), inUse(/another process/));
    await lock.release();
  });

  it("creates the directory", async () => {
    const lock = await acquire(join(directory, "a", "b"));
    await lock.release();
    assert.equal(existsSync(join(directory, "a", "b", "service.lock")), true);
  });

  it("tells a directory that cannot be used", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    await assert.rejects(acquire(file), (error) => {
      assert(error instanceof Unavailable);
      assert.equal(error.code, "data-directory-unusable");
      return true;
    });
  });
});
