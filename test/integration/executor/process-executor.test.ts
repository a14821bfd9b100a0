import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import type { Progress, TableBackupResult } from "../../../src/domain/engine/database-engine.ts";
import type { SessionHost } from "../../../src/domain/engine/executor.ts";
import {
  Conflict,
  DomainError,
  InvalidInput,
  Unavailable,
} from "../../../src/domain/shared/errors.ts";
import {
  ProcessExecutor,
  type ProcessExecutorOptions,
} from "../../../src/infra/executor/process-executor.ts";
import { ENGINE_METHODS } from "../../../src/infra/executor/protocol.ts";
import {
  FAKE_ENGINE,
  isAlive,
  perform,
  quietHost,
  targetOf,
  until,
} from "../../support/executor.ts";

const target = targetOf("/databases/shop.db");

describe("ProcessExecutor", () => {
  const started: ProcessExecutor[] = [];

  function executorWith(options: ProcessExecutorOptions = {}): ProcessExecutor {
    const executor = new ProcessExecutor({ spare: 0, engineModule: FAKE_ENGINE, ...options });
    started.push(executor);
    return executor;
  }

  async function opened(options: ProcessExecutorOptions = {}, host: SessionHost = quietHost) {
    const executor = executorWith(options);
    const session = await executor.open(target, host);
    const pid = executor.children()[0]!.pid;
    return { executor, session, pid };
  }

  function unavailable(code: string, message: RegExp = /./) {
    return (error: unknown) => {
      assert(error instanceof Unavailable);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.notEqual(error.hint, undefined);
      return true;
    };
  }

  afterEach(async () => {
    const pids = started.flatMap((executor) => executor.children().map(({ pid }) => pid));
    await Promise.all(started.map((executor) => executor.close()));
    for (const pid of pids.filter(isAlive)) {
      process.kill(pid, "SIGKILL");
    }
    started.length = 0;
  });

  describe("a call", () => {
    it("reaches the child's engine with its arguments, for every method", async () => {
      const { session } = await opened();
      const engine = session.engine as unknown as {
        [method: string]: (...args: readonly unknown[]) => Promise<unknown>;
      };
      const arity: { readonly [method: string]: readonly unknown[] } = {
        install: [7],
        histories: [{ registered: true }],
        snapshot: ["/a"],
        saveTables: [{ backupId: "b1", tables: ["t"], path: "/t" }],
        rawCopy: ["/b"],
        verify: [{ path: "/c" }, "/d"],
        fetch: [{ path: "/e" }, "/f"],
        rehearse: [{ steps: [] }],
        beginRecovery: [100],
        finishRecovery: [3, ["a1", "a2"]],
        restore: [{ token: 4 }],
        restoreTables: [{ tables: ["t"] }],
        digestOf: ["/e"],
        exportCopy: [{ target: "/f" }],
        settleExport: [{ target: "/f" }],
        check: ["full"],
        comparePages: [{ since: "2026-01-01" }],
        exercise: [{ fill: null }],
        lint: [{ steps: [] }],
      };
      for (const method of ENGINE_METHODS.filter((name) => name !== "applySteps")) {
        const args = arity[method] ?? [];
        assert.deepEqual(await engine[method]!(...args), { method, args, target });
      }
      assert.equal(await perform(session, "echo this"), "echo this");
    });

    it("may answer out of order", async () => {
      const { session } = await opened();
      const order: unknown[] = [];
      await Promise.all(
        ["late", "echo soon"].map(async (name) => order.push(await perform(session, name))),
      );
      assert.deepEqual(order, ["echo soon", "late"]);
    });

    it("carries five megabytes of SQL there and back", async () => {
      const { session } = await opened();
      const sql = `echo ${"é€😀\n\0".repeat(500_000)}`;
      assert(Buffer.byteLength(sql) > 5_000_000);
      assert.equal(await perform(session, sql), sql);
    });

    it("keeps the names that JavaScript finds special", async () => {
      const { session } = await opened();
      const name = 'echo {"__proto__":1,"constructor":2}';
      assert.equal(await perform(session, name), name);
    });

    it("rejects with the engine's error, its class included", async () => {
      const { session } = await opened();
      await assert.rejects(perform(session, "conflict"), (error) => {
        assert(error instanceof Conflict);
        assert.equal(error.code, "row-conflict");
        assert.equal(error.message, "Rows differ");
        assert.equal(error.hint, "Look");
        assert.deepEqual(error.details, { table: "t" });
        return true;
      });
      assert.equal(await perform(session, "echo on"), "echo on");
    });

    it("rejects with `internal` and the child's stack for a bug", async () => {
      const { session } = await opened();
      await assert.rejects(perform(session, "bug"), (error) => {
        assert(error instanceof DomainError);
        assert.equal(error.code, "internal");
        assert.match(error.stack!, /fake-engine/);
        return true;
      });
    });

    it("rejects when its answer or its arguments cannot be written as JSON", async () => {
      const { session } = await opened();
      await assert.rejects(perform(session, "unwritable"), /BigInt/);
      await assert.rejects(session.engine.install(1n as unknown as number), /BigInt/);
      assert.equal(await perform(session, "echo on"), "echo on");
    });
  });

  describe("open", () => {
    it("rejects with what the engine's creation threw, and leaves no child", async () => {
      const executor = executorWith();
      await assert.rejects(executor.open(targetOf("/refused"), quietHost), (error) => {
        assert(error instanceof InvalidInput);
        assert.equal(error.code, "url-refused");
        return true;
      });
      await until(() => executor.children().length === 0);
    });

    it("rejects when no child comes up", async () => {
      const executor = executorWith({ engineModule: "/nowhere/engine.js" });
      await assert.rejects(executor.open(target, quietHost), (error) => {
        assert(unavailable("executor-died", /exit code 1/)(error));
        assert.match(String((error as DomainError).details["stderr"]), /nowhere/);
        return true;
      });
      assert.deepEqual(executor.children(), []);
    });

    it("rejects when the child takes too long to start", async () => {
      const executor = executorWith({ startTimeoutMs: 1 });
      await assert.rejects(executor.open(target, quietHost), unavailable("executor-timeout"));
    });
  });

  describe("the host", () => {
    it("hears progress in order", async () => {
      const heard: Progress[] = [];
      const host = { ...quietHost, onProgress: (progress: Progress) => void heard.push(progress) };
      const { session } = await opened({}, host);
      assert.equal(await perform(session, "progress"), "told");
      assert.deepEqual(
        heard.map(({ statement }) => statement),
        [1, 2],
      );
    });

    it("is not drowned by progress that it cannot read in time", async () => {
      let heard = 0;
      const clock = new Int32Array(new SharedArrayBuffer(4));
      const onProgress = () => {
        if (heard++ === 0) {
          Atomics.wait(clock, 0, 0, 200);
        }
      };
      const host = { ...quietHost, onProgress };
      const { session } = await opened({}, host);
      assert.equal(await perform(session, "flood"), "flooded");
      assert(heard > 0 && heard < 50_000, `${heard} messages`);
    });

    it("may fail at progress without harm", async () => {
      const host = { ...quietHost, onProgress: () => assert.fail("broken listener") };
      const { session } = await opened({}, host);
      assert.equal(await perform(session, "progress"), "told");
    });

    it("has recorded the tables before the engine goes on", async () => {
      const order: unknown[] = [];
      const onTablesSaved = async (saved: TableBackupResult) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push(saved.tables);
      };
      const { session } = await opened({}, { ...quietHost, onTablesSaved });
      order.push(await perform(session, "tables"));
      assert.deepEqual(order, [{ t: 3 }, "recorded"]);
    });

    it("stops the engine by refusing to record the tables", async () => {
      // Details that cannot be written must not keep the refusal from arriving.
      const refusal = new Unavailable("ledger-full", "No space", { details: { bytes: 1n } });
      const onTablesSaved = () => Promise.reject(refusal);
      const { session } = await opened({}, { ...quietHost, onTablesSaved });
      await assert.rejects(perform(session, "tables"), (error) => {
        assert(error instanceof Unavailable);
        assert.equal(error.code, "ledger-full");
        return true;
      });
    });
  });

  describe("kill", () => {
    it("ends a child that computes for ever, and tells every pending call why", async () => {
      const { executor, session, pid } = await opened();
      const calls = [perform(session, "forever"), perform(session, "echo")];
      const outcomes = Promise.allSettled(calls);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const before = performance.now();
      session.kill("cancelled by its requester");
      for (const outcome of await outcomes) {
        assert.equal(outcome.status, "rejected");
        const check = unavailable("executor-killed", /cancelled by its requester/);
        assert(outcome.status === "rejected" && check(outcome.reason));
      }
      assert(performance.now() - before < 1000);
      assert.equal(isAlive(pid), false);
      assert.deepEqual(executor.children(), []);
    });

    it("makes later calls reject the same way", async () => {
      const { session } = await opened();
      session.kill("first");
      session.kill("second");
      await assert.rejects(session.engine.schema(), unavailable("executor-killed", /first/));
      await session.close();
      await assert.rejects(session.engine.schema(), unavailable("executor-killed", /first/));
    });

    it("ends a stopped child too", async () => {
      const { session, pid } = await opened({ fault: "commit:stop" });
      const call = assert.rejects(perform(session, "faults"), unavailable("executor-killed"));
      await new Promise((resolve) => setTimeout(resolve, 50));
      session.kill("it hangs");
      await call;
      assert.equal(isAlive(pid), false);
    });
  });

  describe("a child that ends by itself", () => {
    it("rejects what is pending, with its exit code", async () => {
      const { session } = await opened();
      await assert.rejects(perform(session, "exit"), unavailable("executor-died", /exit code 7/));
      await assert.rejects(session.engine.schema(), unavailable("executor-died"));
    });

    it("rejects what is pending, with its signal and the end of its stderr", async () => {
      const { session } = await opened();
      await assert.rejects(perform(session, "abort"), (error) => {
        assert(unavailable("executor-died", /signal SIGABRT/)(error));
        const stderr = String((error as DomainError).details["stderr"]);
        assert.match(stderr, /the last words/);
        assert(stderr.length <= 4096);
        assert.doesNotMatch((error as DomainError).message, /last words/);
        return true;
      });
    });

    it("is killed when only its channel broke", async () => {
      const { session, pid } = await opened();
      await assert.rejects(perform(session, "disconnect"), unavailable("executor-died"));
      assert.equal(isAlive(pid), false);
    });
  });

  describe("limits and ends", () => {
    it("kills the child of a call that takes too long", async () => {
      const { session, pid } = await opened({ callTimeoutMs: 300 });
      assert.equal(await perform(session, "echo"), "echo");
      await assert.rejects(
        perform(session, "forever"),
        unavailable("executor-timeout", /applySteps.*300 ms/),
      );
      assert.equal(isAlive(pid), false);
    });

    it("closes a session by ending its child", async () => {
      const { session, pid } = await opened();
      const call = assert.rejects(perform(session, "never"), unavailable("executor-closed"));
      await session.close();
      await session.close();
      await call;
      assert.equal(isAlive(pid), false);
      await assert.rejects(session.engine.schema(), unavailable("executor-closed"));
    });

    it("closes a session whose child does not listen", async () => {
      const { session, pid } = await opened();
      const call = assert.rejects(perform(session, "forever"), unavailable("executor-closed"));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await session.close();
      await call;
      assert.equal(isAlive(pid), false);
    });

    it("lets signals to the whole group pass by", async () => {
      const { session, pid } = await opened();
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.kill(pid, signal);
      }
      assert.equal(await perform(session, "late"), "late");
    });

    it("refuses to open once closed, and lets what works finish", async () => {
      const { executor, session } = await opened({ spare: 1 });
      const call = perform(session, "late");
      await executor.close();
      await executor.close();
      await assert.rejects(executor.open(target, quietHost), unavailable("executor-closed"));
      await assert.rejects(executor.warm(), unavailable("executor-closed"));
      assert.equal(await call, "late");
      await session.close();
      assert.deepEqual(executor.children(), []);
    });
  });

  describe("the child's surroundings", () => {
    it("hold nothing of this process but the path", async () => {
      process.env["SCHEMALEDGER_SECRET_OF_TEST"] = "s3cret";
      process.env["SCHEMALEDGER_FAULT"] = "commit:kill";
      try {
        const { session } = await opened({
          env: { EXTRA: "1", SCHEMALEDGER_FAULT: "commit:kill" },
        });
        const found = (await perform(session, "environment")) as { [name: string]: unknown };
        const { PATH, cwd, execArgv, ...rest } = found;
        delete rest["NODE_V8_COVERAGE"];
        assert.equal(PATH, process.env["PATH"]);
        assert.equal(cwd, "/");
        assert.deepEqual(execArgv, []);
        assert.deepEqual(rest, { EXTRA: "1", SCHEMALEDGER_EXECUTOR: "1" });
        assert.equal(await perform(session, "faults"), "passed");
      } finally {
        delete process.env["SCHEMALEDGER_SECRET_OF_TEST"];
        delete process.env["SCHEMALEDGER_FAULT"];
      }
    });
  });

  describe("a fault", () => {
    it("strikes at its point", async () => {
      const { session } = await opened({ fault: "commit:kill" });
      await assert.rejects(perform(session, "faults"), unavailable("executor-died", /SIGKILL/));
    });

    it("strikes at the nth passing", async () => {
      const { session } = await opened({ fault: "commit:exit:3" });
      assert.equal(await perform(session, "faults"), "passed");
      await assert.rejects(perform(session, "faults"), unavailable("executor-died", /code 70/));
    });

    it("that means nothing lets no child start", async () => {
      const executor = executorWith({ fault: "commit:explode" });
      await assert.rejects(executor.open(target, quietHost), unavailable("executor-died"));
    });
  });
});
