import type { Ledger } from "../../src/domain/ledger/ledger.ts";
import { Projection, type ProjectionParts } from "../../src/domain/state/projection.ts";
import type { ProjectionNotice } from "../../src/domain/state/stored-projection.ts";
import { SqliteProjectionStore } from "../../src/infra/sqlite/sqlite-projection-store.ts";
import { SystemClock } from "../../src/infra/system/system-clock.ts";
import { digest } from "./digest.ts";

/** A projection with what it had to say at its start. */
export interface Projected {
  readonly projection: Projection;
  readonly notices: ProjectionNotice[];
}

/** Opens what is stored in a file and starts. The caller stops it. */
export async function startProjection(
  ledger: Ledger,
  file: string,
  { store = new SqliteProjectionStore(file), ...over }: Partial<ProjectionParts> = {},
): Promise<Projected> {
  const notices: ProjectionNotice[] = [];
  const projection = new Projection({
    ledger,
    store,
    digest,
    clock: new SystemClock(),
    code: "sha256:code",
    notify: (notice) => notices.push(notice),
    ...over,
  });
  await projection.start();
  return { projection, notices };
}
