import { join } from "node:path";
import { SERVICE_STREAM } from "../domain/events.ts";
import type { Ledger } from "../domain/ledger/ledger.ts";
import type { Context } from "../domain/shared/actor.ts";
import type { LedgerState } from "../domain/state/state.ts";
import { openBackupKeys, type OpenedKeys } from "../infra/page-store/backup-keys.ts";
import { dataKey } from "../infra/page-store/data-keys.ts";
import type { ObjectStore } from "../infra/page-store/object-store.ts";
import type { CoreConfig } from "./config.ts";

/** The service's own identity, unless another file is named. */
const IDENTITY_FILE = "backup.identity";

/** The data keys of the backup store; makes what the configuration asks for and is not there. */
export function openStoreKeys(config: CoreConfig, objects: ObjectStore): Promise<OpenedKeys> {
  const { backupRecipients: recipients, backupIdentity } = config;
  const encryption = {
    identityFile: backupIdentity ?? join(config.data, "keys", IDENTITY_FILE),
    mayMake: backupIdentity === undefined,
    ...(recipients === undefined ? {} : { recipients }),
  };
  return openBackupKeys(objects, encryption, new Date().toISOString());
}

/** For reading beside the process that has the directory: nothing is made. */
export const openStoreKeysToRead = (
  config: CoreConfig,
  objects: ObjectStore,
): Promise<OpenedKeys> => openStoreKeys({ ...config, backupRecipients: "none" }, objects);

/** Records that backups are encrypted otherwise than the ledger says; also after a crash in between. */
export async function recordBackupKey(
  ledger: Pick<Ledger, "append">,
  state: LedgerState,
  { current, change }: OpenedKeys,
  context: Context,
): Promise<void> {
  const keyId = current === null ? null : dataKey(Buffer.from(current, "hex")).id;
  if (keyId === state.backupKey) return;
  const { recipients, rewrapped } = change ?? { recipients: [], rewrapped: [] };
  await ledger.append({
    stream: SERVICE_STREAM,
    expected: "any",
    events: [{ type: "BackupKeyChanged", data: { keyId, recipients, rewrapped } }],
    context,
  });
}
