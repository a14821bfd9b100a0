import { chmod, readFile } from "node:fs/promises";
import type { KeyService } from "../domain/service/key-service.ts";
import type { Context } from "../domain/shared/actor.ts";
import { Unavailable } from "../domain/shared/errors.ts";
import { writeFileAtomic } from "../infra/files/atomic-write.ts";

const TOKEN = /^sl_[A-Za-z0-9_-]{43}$/;

/**
 * Issues the first key, an admin's. Its token is in the file before the ledger knows it: a process
 * that dies between the two leaves a token that the next start issues, never a key without token.
 */
export async function issueFirstKey(
  keys: KeyService,
  file: string,
  context: Context,
): Promise<void> {
  if (keys.list().length > 0) return;
  const token = (await readToken(file)) ?? keys.newToken();
  await writeFileAtomic(file, `${token}\n`);
  await keys.introduce(token, { name: "admin", roles: ["admin"] }, context);
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    const token = (await readFile(file, "utf8")).trim();
    await chmod(file, 0o600);
    if (TOKEN.test(token)) return token;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  throw new Unavailable("admin-key-damaged", `${file} does not hold a token`, {
    hint: "Remove the file: no key was issued yet, the next start makes another",
  });
}
