import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { RestoreMethod } from "../../../../src/domain/backup/events.ts";
import { requireManifest } from "../../../../src/infra/page-store/store-access.ts";
import type { Subject } from "../subject.ts";
import {
  databaseFile,
  makeDatabase,
  readDatabase,
  withEngine,
  type Identity,
  type Journal,
} from "./managed.ts";
import { change, lostOf, makeBackups, openStore, startStore, type Known } from "./store.ts";

interface Setup {
  readonly identity: Identity;
  readonly backup: Known;
  readonly present: string;
  readonly incarnation: string;
}

/** Verifies the backup on scratch and puts it in place, as a restore of the service does. */
async function restore(
  root: string,
  { identity, backup, incarnation }: Setup,
  method: RestoreMethod,
  token: number,
): Promise<void> {
  const store = openStore(root);
  const access = await store.access(backup.id);
  const scratch = await store.scratch("restore");
  const scratchPath = join(scratch.path, "copy.db");
  const { content, fingerprint, rows } = await requireManifest(access);
  const { sha256, bytes } = content;
  try {
    await withEngine(root, identity, async (engine) => {
      const stored = { access, sha256, bytes, fingerprint: fingerprint!, rows };
      await engine.verify(stored, scratchPath);
      await engine.restore({ scratchPath, token, incarnation, method, lockTimeoutMs: 200 });
    });
  } finally {
    await scratch.dispose();
  }
}

/** The state before or the backup's, which of them the incarnation says; the backup's if it was said so. */
export const restoreWhole = (journal: Journal, method: RestoreMethod): Subject<Setup> => ({
  async prepare(root) {
    const identity = await makeDatabase(root, journal);
    const [known] = await makeBackups(root, identity, 1);
    change(root, 3);
    const { digest } = readDatabase(databaseFile(root));
    return { identity, backup: known!, present: digest, incarnation: randomUUID() };
  },
  async act(root, setup, promise) {
    await restore(root, setup, method, 20);
    promise("restored");
  },
  async inspect(root, { identity, backup, present, incarnation }, promised) {
    const store = await startStore(root);
    const wrong = await lostOf(root, store, [backup]);
    const found = readDatabase(databaseFile(root));
    if (found.soundness !== "ok") wrong.push(`corrupt: ${found.soundness}`);
    const isNew = found.incarnation === incarnation;
    if (found.digest !== (isNew ? backup.digest : present))
      wrong.push("torn: content and incarnation disagree");
    if (promised.length > 0 && !isNew) wrong.push("the restore was acknowledged and is lost");
    const { meta } = await withEngine(root, identity, async (engine) => {
      await engine.beginRecovery(200);
      return engine.finishRecovery(21, []);
    });
    if ((meta.incarnation === incarnation) !== isNew) wrong.push("recovery tells another outcome");
    const left = readdirSync(root).filter((name) => name.startsWith("."));
    return left.length === 0 ? wrong : [...wrong, `left over: ${left.join()}`];
  },
  async goOn(root, setup) {
    const store = await startStore(root);
    const again = { ...setup, incarnation: randomUUID() };
    const { incarnation } = readDatabase(databaseFile(root));
    const identity = { ...setup.identity, incarnation };
    await restore(root, { ...again, identity }, method, 30);
    const found = readDatabase(databaseFile(root));
    const isThere = found.incarnation === again.incarnation && found.digest === setup.backup.digest;
    return isThere ? lostOf(root, store, [setup.backup]) : ["no restore can follow"];
  },
});
