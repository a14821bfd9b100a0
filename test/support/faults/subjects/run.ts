import Database from "better-sqlite3";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { unsettled } from "../../chaos/assert-consistent.ts";
import { FOUNDATION, MIGRATIONS } from "../../chaos/story.ts";
import type { Api } from "../../chaos/api.ts";
import type { Subject } from "../subject.ts";
import { databaseFile } from "./managed.ts";

/** Loaded when it is needed: children of other subjects start much sooner without it. */
async function withServiceHere<T>(root: string, use: (api: Api) => Promise<T>): Promise<T> {
  const service = await import("../../service-here.ts");
  return service.withServiceHere(root, use);
}

const RUN_TO = "3";

interface Row {
  readonly idx: number;
  readonly type: string;
  readonly data: string;
}

/** Without any code of ours: what the ledger says, and which attempts the database says are done. */
function read(root: string): {
  events: readonly Row[];
  done: readonly string[];
  soundness: string[];
} {
  const ledger = new Database(join(root, "data", "ledger.db"), { fileMustExist: true });
  const db = new Database(databaseFile(root), { fileMustExist: true });
  try {
    const check = (one: Database.Database): string =>
      String(one.pragma("integrity_check(1)", { simple: true }));
    return {
      soundness: [check(ledger), check(db)],
      events: ledger
        .prepare<[], Row>("SELECT idx, type, data FROM event JOIN payload USING (idx) ORDER BY idx")
        .all(),
      done: db
        .prepare<[], string>("SELECT attempt FROM schemaledger_marker WHERE phase = 'done'")
        .pluck()
        .all(),
    };
  } finally {
    ledger.close();
    db.close();
  }
}

/**
 * A run of two steps through a whole service, with its backup and verification: nothing was done that the
 * ledger did not announce, and nothing is recorded that is not there.
 */
export const run: Subject<null> = {
  async prepare(root) {
    mkdirSync(join(root, "data"));
    const db = new Database(databaseFile(root));
    db.pragma("journal_mode = WAL");
    db.exec(FOUNDATION);
    db.close();
    await withServiceHere(root, async (api) => {
      const url = databaseFile(root);
      await api.need(api.post("/v1/databases", { name: "app", engine: "sqlite", url }));
      await api.need(api.post("/v1/databases/app/migrations", { migrations: MIGRATIONS }));
      await api.run("app", { to: "1" });
    });
    return null;
  },
  act: (root, _, promise) =>
    withServiceHere(root, async (api) => {
      const { status } = await api.run("app", { to: RUN_TO });
      if (status !== "succeeded") throw new Error(`The run ${status}`);
      for (const { index, type } of await api.events()) promise(`${index} ${type}`);
    }),
  inspect(root, _, promised) {
    const { events, done, soundness } = read(root);
    const wrong = soundness.filter((one) => one !== "ok").map((one) => `corrupt: ${one}`);
    const attempts = (type: string): Set<unknown> =>
      new Set(events.filter((event) => event.type === type).map(({ data }) => attemptOf(data)));
    const [announced, applied] = [attempts("StepStarted"), attempts("StepApplied")];
    for (const attempt of done)
      if (!announced.has(attempt)) wrong.push(`the ledger did not announce ${attempt}`);
    for (const attempt of applied)
      if (!done.includes(String(attempt))) wrong.push(`${String(attempt)} is recorded and lost`);
    for (const promise of promised) {
      const [index, type] = promise.split(" ");
      if (events[Number(index)]?.type !== type) wrong.push(`event ${index} is lost`);
    }
    return Promise.resolve(wrong);
  },
  goOn: (root) =>
    withServiceHere(root, async (api) => {
      const events = await api.until((all) => unsettled(all).length === 0);
      const { body } = await api.post("/v1/ledger/verifications");
      const { status } = await api.run("app", { to: "5" });
      const wrong = body["ok"] === true ? [] : [`the ledger is not sound: ${JSON.stringify(body)}`];
      if (status !== "succeeded") wrong.push(`no run can follow (${events.length} events)`);
      return wrong;
    }),
};

const attemptOf = (payload: string): unknown =>
  (JSON.parse(payload) as { readonly data: { readonly attempt?: unknown } }).data.attempt;
