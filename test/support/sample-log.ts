import { parseVerifierKey } from "../../src/domain/ledger/verifier-key.ts";
import type { StoredEntry } from "../../src/domain/ledger/transparency-log.ts";
import type { Signer } from "../../src/domain/shared/signer.ts";
import { ExportFiles } from "../../src/infra/log-export/export-files.ts";
import { LogExport, type Exported } from "../../src/infra/log-export/log-export.ts";
import { digest } from "./digest.ts";
import { MemoryLog } from "./memory-log.ts";
import { SIGNER } from "./sqlite-ledger.ts";

/** An entry as the ledger writes it, with its payload; members may be set otherwise. */
export function sampleEntry(index: number, overrides: Record<string, unknown> = {}): StoredEntry {
  const salt = Buffer.alloc(16, index);
  const payload = JSON.stringify(overrides["payload"] ?? { context: {}, data: { n: index } });
  const { payload: _, ...members } = overrides;
  const envelope = {
    actor: "act_0123456789abcdef0123456789abcdef",
    actor_kind: "user",
    causation: null,
    correlation: "c",
    data_hash: digest.saltedText(salt, payload).digest,
    id: `id-${index}`,
    index,
    stream: index % 3 === 0 ? "service" : "database:a",
    stream_pos: index % 3 === 0 ? index / 3 : index - 1 - Math.floor(index / 3),
    time: new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString(),
    type: "KeyRevoked",
    v: 1,
    ...members,
  };
  return { index, leaf: Buffer.from(JSON.stringify(envelope)), salt, payload };
}

export const sampleEntries = (count: number): StoredEntry[] =>
  Array.from({ length: count }, (_, index) => sampleEntry(index));

/** Writes a log of any entries as a directory, signed by whoever has a key. */
export async function writeLog(
  directory: string,
  entries: readonly StoredEntry[],
  signer: Signer = SIGNER,
  contents: ReadonlyMap<string, string> = new Map(),
): Promise<Exported> {
  const log = new MemoryLog(entries);
  const keys = [parseVerifierKey(digest, signer.verifierKey)];
  const content = async (name: string): Promise<string | undefined> => contents.get(name);
  const target = new LogExport(new ExportFiles(directory), {
    log,
    content,
    digest,
    keys: () => keys,
  });
  return target.run(await log.checkpoint(signer), [signer.verifierKey]);
}
