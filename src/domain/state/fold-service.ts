import type { FoldEvent } from "../events.ts";
import type { LedgerBackupEvents } from "../ledger-backup/events.ts";
import type { ServiceEvents } from "../service/events.ts";
import { contradiction } from "./contradiction.ts";
import { happened } from "./happened.ts";
import type { KeyState, LedgerState } from "./state.ts";

type ServiceEvent = Extract<FoldEvent, { type: keyof ServiceEvents | keyof LedgerBackupEvents }>;

/** Folds the events of the service's own stream. */
export function foldService(state: LedgerState, event: ServiceEvent): void {
  switch (event.type) {
    case "LedgerOpened":
      state.origin = event.data.origin;
      addSigningKey(state, event.data.verifierKey, event);
      return;
    case "LedgerContinued":
      return;
    case "SubjectErased": {
      const { actorId, kids } = event.data;
      state.erasures.push({ actorId, kids, erased: happened(event) });
      return;
    }
    case "KeyRotated":
      return addSigningKey(state, event.data.verifierKey, event);
    case "KeyRetired": {
      const { verifierKey } = event.data;
      const key = state.signingKeys.find((one) => one.verifierKey === verifierKey);
      if (key === undefined) throw contradiction(event, "the signing key was never taken up");
      key.retired = happened(event);
      return;
    }
    case "LedgerBackupStarted": {
      const { backupId, replaces } = event.data;
      state.ledgerBackups.open = backupId;
      state.ledgerBackups.replaces = replaces;
      state.ledgerBackups.due = false;
      return;
    }
    case "LedgerBackupCompleted":
      return addLedgerBackup(state, event);
    case "LedgerRestored":
      return;
    case "LedgerBackupFailed":
      state.ledgerBackups.open = null;
      return;
    case "BackupKeyChanged":
      state.backupKey = event.data.keyId;
      return;
    case "BackupStoreChanged":
      state.backupStore = event.data.place;
      return;
    case "AuditReadsChanged":
      state.auditReads = event.data.reads;
      return;
    case "ServiceStarted":
      state.serving = { started: happened(event), stopped: false };
      return;
    case "ServiceStopped":
      state.serving = { ...state.serving, stopped: true };
      return;
    case "KeyIssued": {
      const { keyId, name, roles, tokenHash, actorId, actorKind } = event.data;
      const { databases = null, expiresAt = null } = event.data;
      state.keys.set(keyId, {
        id: keyId,
        name,
        roles,
        tokenHash,
        actorId,
        actorKind,
        databases,
        expiresAt,
        issued: happened(event),
        lastUsed: null,
        revoked: null,
      });
      return;
    }
    case "KeyRevoked":
      issuedKey(state, event).revoked = happened(event);
      return;
    case "KeyUsed":
      issuedKey(state, event).lastUsed = happened(event);
      return;
    case "AccessRefused":
      return;
  }
}

function addLedgerBackup(
  { ledgerBackups }: LedgerState,
  event: Extract<ServiceEvent, { type: "LedgerBackupCompleted" }>,
): void {
  const { backupId, size, locked = [] } = event.data;
  const left = new Set(locked);
  const gone = new Set(ledgerBackups.replaces.filter((id) => !left.has(id)));
  ledgerBackups.open = null;
  ledgerBackups.kept = [...ledgerBackups.kept.filter((id) => !gone.has(id)), backupId];
  ledgerBackups.newest = { ...happened(event), backupId, size };
}

function addSigningKey(state: LedgerState, verifierKey: string, event: ServiceEvent): void {
  state.signingKeys.push({ verifierKey, since: happened(event), retired: null });
}

function issuedKey(
  state: LedgerState,
  event: Extract<ServiceEvent, { type: "KeyRevoked" | "KeyUsed" }>,
): KeyState {
  const key = state.keys.get(event.data.keyId);
  if (key === undefined) throw contradiction(event, "the key was never issued");
  return key;
}
