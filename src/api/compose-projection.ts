import { join } from "node:path";
import { Projection } from "../domain/state/projection.ts";
import { SqliteProjectionStore } from "../infra/sqlite/sqlite-projection-store.ts";
import { foldCode } from "../infra/system/fold-code.ts";
import type { CoreConfig } from "./config.ts";
import type { Opened } from "./container.ts";
import type { One } from "./tokens.ts";
import * as t from "./tokens.ts";

/** The ledger's state. Beside the process that has the directory, what that one stored is only read. */
export function addProjection(
  one: One,
  { data }: CoreConfig,
  { readOnly = false, follows, log }: Opened,
): void {
  one(
    t.PROJECTION,
    (c) =>
      new Projection({
        ledger: c.resolve(t.LEDGER),
        store: new SqliteProjectionStore(join(data, "projection.db"), {
          readOnly,
          connect: follows?.connect,
        }),
        digest: c.resolve(t.DIGEST),
        clock: c.resolve(t.CLOCK),
        code: foldCode(),
        notify: (notice) => log({ ...notice }),
      }),
  );
}
