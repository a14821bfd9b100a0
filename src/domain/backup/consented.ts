import type { Sessions } from "../engine/sessions.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, DomainError, Unavailable } from "../shared/errors.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RestoreState } from "../state/state.ts";
import { presentFingerprint, restoreDigest } from "./restore-digest.ts";

/** What nobody was asked about need not be what anybody looked at. */
const wasApproved = ({ approvalsNeeded }: RestoreState): boolean => approvalsNeeded > 0;

/**
 * What was approved must still be what would be done: the backup, the way, and what the ledger knows of
 * the database. Error: `Conflict` plan-outdated.
 */
export async function refuseOutdated(
  restore: RestoreState,
  database: DatabaseState,
  projection: Pick<Projection, "find">,
  digest: Digest,
): Promise<void> {
  const { reverts } = restore.order;
  if (reverts !== undefined && database.drift?.found !== reverts)
    throw outdated("The drift that was to be reverted is there no more, or is another");
  if (!wasApproved(restore)) return;
  const backup = await projection.find("backups", restore.backupId);
  if (restoreDigest(database, backup, restore.order, digest) === restore.planDigest) return;
  throw outdated("The backup or the database is not what it was when the restore was requested");
}

/**
 * The same of the schema that the database really has. One that cannot be read is replaced as it is.
 * Error: `Conflict` plan-outdated.
 */
export async function refuseOtherSchema(
  restore: RestoreState,
  database: DatabaseState,
  sessions: Sessions,
): Promise<void> {
  if (!wasApproved(restore)) return;
  const known = presentFingerprint(database);
  const found = await sessions
    .use(database, restore.id, async ({ engine }) => (await engine.schema()).fingerprint)
    .catch((error: unknown) => {
      const isUnreadable = error instanceof DomainError && !(error instanceof Unavailable);
      if (isUnreadable) return known;
      throw error;
    });
  if (found === known) return;
  throw outdated(
    `The schema of ${database.name} was changed past the ledger since the restore was requested`,
  );
}

const outdated = (why: string): Conflict =>
  new Conflict("plan-outdated", why, {
    hint: "Look at it again (POST /v1/databases/{database}/drift/checks), then request the restore anew",
  });
