import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NoExecutor } from "../infra/executor/no-executor.ts";
import { FollowedActors } from "../infra/files/followed-actors.ts";
import { HmacPseudonyms } from "../infra/signing/hmac-pseudonyms.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { NoKeys } from "../infra/signing/no-keys.ts";
import { FollowingLedger } from "../infra/sqlite/following-ledger.ts";
import { ReadOnlyFiles } from "../infra/sqlite/read-only-file.ts";
import { describeError, type Log } from "../infra/telemetry/logger.ts";
import type { Closers } from "./closers.ts";
import type { CoreConfig } from "./config.ts";
import { createContainer, type DependencyContainer, type Opened } from "./container.ts";
import { startState } from "./core.ts";
import { requireLedger } from "./require-ledger.ts";
import * as t from "./tokens.ts";

/** Everything but HTTP of a server that only reads. */
export interface ReadOnlyCore {
  readonly container: DependencyContainer;
  readonly stopping: AbortController;
  /** Whether what is open must be opened anew before anything is read. */
  isOutdated(): boolean;
}

/**
 * Opens a data directory that another process may write, with nothing that could write to it: no
 * signing key, no secret of the pseudonyms or backups, no executor, no descriptor open for writing.
 * Errors: NotFound data-directory-missing; Unavailable ledger-rolled-back.
 */
export async function openReadOnlyCore(
  config: CoreConfig,
  log: Log,
  closers: Closers,
): Promise<ReadOnlyCore> {
  const file = requireLedger(config);
  const files = new ReadOnlyFiles();
  const digest = new NodeDigest();
  const origin = (await readFile(join(config.data, "keys", "origin"), "utf8")).trim();
  const named = (): readonly string[] =>
    container
      .resolve(t.SIGNING_KEYS)
      .list()
      .map(({ verifierKey }) => verifierKey);
  const opened: Opened = {
    keyring: new NoKeys(origin, digest, named),
    // Names readers with an identity provider's token to nobody: nothing of theirs is recorded.
    pseudonyms: new HmacPseudonyms(randomBytes(32)),
    actors: new FollowedActors(join(config.data, "keys", "actors.json")),
    backupKeys: { current: null, all: [] },
    executor: new NoExecutor(),
    log,
    stopping: new AbortController(),
    readOnly: true,
    follows: files,
  };
  const container = createContainer(config, opened);
  const ledger = container.resolve(t.LEDGER);
  closers.add(() => ledger.close());
  const tiles = container.resolve(t.TRANSPARENCY_LOG);
  closers.add(() => tiles.close());
  await startState(container, closers);
  await container.resolve(t.KEPT_CHECKPOINT).requireReached(ledger);
  if (ledger instanceof FollowingLedger) ledger.follow(reporter(log));
  return {
    container,
    stopping: opened.stopping,
    isOutdated: () => files.isOutdated(file),
  };
}

/** Once for each kind of trouble: it looks ten times a second. */
function reporter(log: Log): (error: unknown) => void {
  let last = "";
  return (error) => {
    const said = error instanceof Error ? error.message : String(error);
    if (said === last) return;
    last = said;
    const message = "The ledger could not be read; what is shown may be old";
    log({ level: "error", message, ...describeError(error) });
  };
}
