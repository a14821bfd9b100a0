import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { DomainError } from "../domain/shared/errors.ts";

/** Signs with the real ssh-keygen, which asks for a passphrase by itself. Error: signing-failed. */
export async function sshSign(key: string, statement: string, namespace: string): Promise<string> {
  const child = spawn("ssh-keygen", ["-q", "-Y", "sign", "-n", namespace, "-f", key], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  // That it does not read is told by its exit code.
  child.stdin.once("error", () => {});
  child.stdin.end(statement);
  const [signature, code] = await Promise.all([text(child.stdout), ended]).catch(
    (error: unknown) => {
      throw failed(error instanceof Error ? error.message : String(error));
    },
  );
  if (code !== 0) throw failed(`it ended with ${code}`);
  return signature;
}

const failed = (why: string): DomainError =>
  new DomainError("signing-failed", `ssh-keygen did not sign: ${why}`, {
    hint: "See that OpenSSH 8.1 or newer is installed and the key can be read",
  });
