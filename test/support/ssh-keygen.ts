import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Whether OpenSSH is here, new enough to sign. */
export const hasSshKeygen = spawnSync("ssh-keygen", ["-Y", "sign"])
  .stderr?.toString()
  .includes("namespace");

/** A key made by the real ssh-keygen. */
export class SshKeyPair {
  readonly file: string;
  readonly publicKey: string;

  constructor(directory: string, name: string, type = "ed25519") {
    this.file = join(directory, name);
    execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", name, "-f", this.file]);
    this.publicKey = readFileSync(`${this.file}.pub`, "utf8").trim();
  }

  sign(text: string, namespace: string): string {
    return execFileSync("ssh-keygen", ["-q", "-Y", "sign", "-n", namespace, "-f", this.file], {
      input: text,
      encoding: "utf8",
    });
  }
}
