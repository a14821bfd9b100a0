import { raiseOnce } from "../domain/alerting/raise.ts";
import type { Alert } from "../domain/alerting/rules.ts";
import { SERVICE_STREAM } from "../domain/events.ts";
import { openCheckpoint } from "../domain/ledger/checkpoint.ts";
import { fingerprintGaps } from "../domain/integrity/fingerprint-chain.ts";
import { verificationExit } from "../domain/ledger/verification-exit.ts";
import { parseVerifierKey } from "../domain/ledger/verifier-key.ts";
import { DomainError } from "../domain/shared/errors.ts";
import type { Context } from "../domain/shared/actor.ts";
import { checkEd25519 } from "../infra/signing/ed25519-signer.ts";
import { describeError } from "../infra/telemetry/logger.ts";
import type { KeptHead } from "../infra/sqlite/verify-ledger.ts";
import type { Services } from "./services.ts";

/** What a verification is asked to do. */
export interface VerificationRequest {
  /** Signed checkpoints that somebody kept. */
  readonly checkpoints?: readonly string[];
  /** A checkpoint up to which everything was verified before. */
  readonly since?: string;
  /** Default true: compare every managed database with the ledger. */
  readonly databases?: boolean;
  /** Default true: replay all events, and compare the state with the live one. */
  readonly replay?: boolean;
}

interface Found {
  readonly code: string;
  readonly message: string;
  readonly index?: number;
  readonly database?: string;
}

/** What was found, and what was looked at. */
export interface Verified {
  readonly ok: boolean;
  readonly exitCode: number;
  readonly findings: readonly Found[];
}

/**
 * Verifies everything: the stored bytes, the checkpoints that are brought along, the state, the chain
 * of schemas, the databases. Errors: InvalidInput, when a checkpoint is not of this ledger.
 */
export async function verifyEverything(
  services: Services,
  request: VerificationRequest,
): Promise<Verified> {
  const kept = (request.checkpoints ?? []).map((note, i) =>
    head(services, note, `Checkpoint ${i + 1}`),
  );
  const since =
    request.since === undefined
      ? undefined
      : head(services, request.since, "The checkpoint verified before");
  const ledger = await services.verifier.verify({ kept, since });
  const findings: Found[] = [...ledger.findings];
  if (request.replay ?? true) findings.push(...(await replay(services)));
  let databases: { reconciled: readonly string[]; skipped: readonly string[] } = {
    reconciled: [],
    skipped: [],
  };
  if (request.databases ?? true) {
    const { findings: differences, ...compared } = await services.reconciliation.reconcile();
    findings.push(...differences);
    databases = compared;
  }
  const exitCode = verificationExit(findings);
  return { ...ledger, ok: findings.length === 0, exitCode, findings, ...databases };
}

/** Somebody is told of what was found, once a day. */
export async function alertOfVerification(
  services: Services,
  { ok, findings }: Verified,
  context: Context,
): Promise<void> {
  const [worst] = findings;
  if (ok || worst === undefined) return;
  const alert: Alert = {
    alertId: `verification:${worst.code}`,
    code: "verification-failed",
    severity: "critical",
    message: `A verification of ledger and databases has ${findings.length} findings: ${worst.message}`,
    hint: "docs/reference/attacks.md says what each finding means; keep the files as they are",
    about: { kind: "ledger", id: "verification" },
  };
  // The alert is not what the request asked for: its key stays free for the answer.
  const { idempotency: _kept, ...own } = context;
  const day = new Date().toISOString().slice(0, 10);
  try {
    await raiseOnce(services, { stream: SERVICE_STREAM, alert }, `${alert.alertId}:${day}`, own);
  } catch (error) {
    // Whoever only reads a ledger records nothing in it.
    if (error instanceof DomainError && error.code === "ledger-read-only") return;
    // Who asked is told in any case; a ledger that is damaged may not take another event.
    const message = "The alert of a failed verification could not be recorded";
    services.log({ level: "error", message, ...describeError(error) });
  }
}

function head({ signingKeys, digest }: Services, note: string, name: string): KeptHead {
  const keys = signingKeys.list().map(({ verifierKey }) => parseVerifierKey(digest, verifierKey));
  const { size, root } = openCheckpoint(digest, note, keys, checkEd25519);
  return { size, root, name };
}

async function replay({ projection, ledger }: Services): Promise<Found[]> {
  const found: Found[] = [];
  const { before, after } = await projection.rebuild();
  if (before !== after)
    found.push({ code: "state-differs", message: "The state is not the one that the events give" });
  for (const { code, message, index, databaseId } of await fingerprintGaps(ledger)) {
    const database = projection.state.databases.get(databaseId)?.name ?? databaseId;
    found.push({ code, message, index, database });
  }
  return found;
}
