import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Scheduler } from "../../src/domain/schedule/scheduler.ts";
import { Recorder } from "../../src/domain/shared/recorder.ts";
import { CronerCalendar } from "../../src/infra/calendar/croner-calendar.ts";
import { IN_MEMORY } from "../../src/infra/sqlite/projection-file.ts";
import { SqliteProjectionStore } from "../../src/infra/sqlite/sqlite-projection-store.ts";
import { UuidIds } from "../../src/infra/system/uuid-ids.ts";
import { digest } from "./digest.ts";
import { MovedClock } from "./moved-clock.ts";
import { startProjection } from "./projection.ts";
import { openLedger } from "./sqlite-ledger.ts";

/*
 * A process that fires what is due on a ledger that it believes to have for itself. Arguments: the
 * ledger's file, what time it is. It waits for one message before each round, and answers with
 * whether everything was dealt with. Another process's appends it does not hear of: it must fail then,
 * and start again.
 */
const [file, now] = process.argv.slice(2);
const clock = new MovedClock();
clock.set(now!);

async function round(): Promise<void> {
  const ledger = openLedger(file!, { clock });
  const store = new SqliteProjectionStore(IN_MEMORY);
  const { projection } = await startProjection(ledger, IN_MEMORY, { store, clock });
  try {
    const scheduler = new Scheduler({
      projection,
      recorder: new Recorder(ledger),
      // Work that takes as long as others need to come in between.
      work: { perform: () => delay(1, { status: "succeeded" as const }) },
      timetable: new CronerCalendar(),
      clock,
      digest,
      ids: new UuidIds(),
      report: () => {},
    });
    process.send!("ready");
    await once(process, "message");
    await scheduler.round({
      actor: { id: "act_00000000000000000000000000000002", kind: "system" },
      authn: { method: "internal" },
      source: {},
      requestId: "fighter",
    });
    await scheduler.finish();
  } finally {
    await ledger.close();
  }
}

for (;;) {
  const failed = await round().then(
    () => false,
    () => true,
  );
  process.send!(failed ? "failed" : "done");
}
