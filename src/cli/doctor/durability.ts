import { open, statfs } from "node:fs/promises";
import { join } from "node:path";
import { fine, odd, wrong, type Examined } from "./examined.ts";

/** `f_type` of file systems on which a ledger is not safe (Linux, statfs(2)). */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe53_4d42, "SMB"],
  [0xff53_4d42, "CIFS"],
  [0x0102_1997, "9P"],
  [0x6573_5546, "FUSE"],
  [0x00c3_6400, "Ceph"],
]);
const MEMORY: ReadonlyMap<number, string> = new Map([
  [0x0102_1994, "tmpfs"],
  [0x8584_58f6, "ramfs"],
]);
/** Bytes 18 and 19 of an SQLite file: 2 stands for WAL. */
const WAL = 2;

/** Whether what is acknowledged stays when the power goes. */
export async function examineDurability(data: string): Promise<Examined[]> {
  return [await journal(join(data, "ledger.db")), await fileSystem(data)];
}

/** The file is only read: opening it with SQLite would make files beside it. */
async function journal(file: string): Promise<Examined> {
  const handle = await open(file, "r");
  try {
    const { buffer } = await handle.read(Buffer.alloc(20), 0, 20, 0);
    if (!buffer.toString("latin1").startsWith("SQLite format 3"))
      return wrong(
        "journal",
        "ledger.db is no SQLite file",
        "Restore it: docs/guides/total-loss.md",
      );
    if (buffer[18] === WAL && buffer[19] === WAL)
      return fine("journal", "WAL, synced with every event (synchronous=FULL)");
    return odd(
      "journal",
      "the ledger is not in WAL mode",
      "Somebody changed it: the next start of the service sets it again",
    );
  } finally {
    await handle.close();
  }
}

async function fileSystem(data: string): Promise<Examined> {
  const { type } = await statfs(data);
  const network = NETWORK.get(type);
  if (network !== undefined)
    return wrong(
      "file system",
      `${data} is on ${network}: locks and fsync cannot be relied on`,
      "Move the data directory to a local disk while the service is stopped",
    );
  const memory = MEMORY.get(type);
  if (memory !== undefined)
    return odd(
      "file system",
      `${data} is in memory (${memory}): it is gone after a restart of the machine`,
      "Use a disk, unless this is a trial",
    );
  return fine("file system", "local");
}
