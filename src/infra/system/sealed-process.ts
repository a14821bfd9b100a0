import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * In a mount namespace of its own the directory, and what is mounted below it, cannot be written,
 * whoever asks. What could undo that
 * is given up: the capability to mount, and to look into other processes. The working directory is
 * entered anew, or it would still be the one outside.
 */
const SCRIPT = `
mount --rbind "$1" "$1" || exit 1
places=$(findmnt --submounts --noheadings --raw --output TARGET "$1") || exit 1
while IFS= read -r place
do mount -o remount,bind,ro,nosuid,nodev,noexec "$(printf %b "$place")" || exit 1
done <<END
$places
END
cd "$(pwd -P)" || exit 1
shift
if command -v setpriv >/dev/null
then exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+dac_read_search,+net_bind_service "$@"
else exec "$@"
fi
`;

/** What Node itself refuses to the program: writing files, other programs, threads, native code. */
const PERMISSIONS = ["--permission", "--allow-fs-read=*"];

/** How the system says that something cannot be written. */
const REFUSED = new Set(["EROFS", "EACCES", "EPERM"]);

/** Whether Node refuses already what it can. */
export const isRestricted = (): boolean => process.permission !== undefined;

/** Whether this process could write into a directory. */
export function canWrite(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch (error) {
    // Anything else says nothing about what the system would do.
    if (error instanceof Error && "code" in error && REFUSED.has(String(error.code))) return false;
    throw error;
  }
}

/**
 * Becomes the same program once more, with the same arguments and process id, where the kernel (Linux)
 * and Node keep it from writing. Returns only where the platform cannot do that.
 */
export function sealProcess(directory: string): void {
  const again = [process.execPath, ...PERMISSIONS, ...process.execArgv, ...process.argv.slice(1)];
  const inNamespace = namespaceFor(realpathSync(directory));
  const command = inNamespace === undefined ? again : [...inNamespace, ...again];
  if (typeof process.execve !== "function") return;
  process.execve(command[0]!, command, process.env as { [name: string]: string });
}

/** The command that runs another one where the directory cannot be written; tried before. */
function namespaceFor(directory: string): string[] | undefined {
  const [unshare, shell, probe] = ["unshare", "sh", "true"].map(inPath);
  if (unshare === undefined || shell === undefined || probe === undefined) return undefined;
  const flags = process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
  const command = [unshare, ...flags, shell, "-c", SCRIPT, shell, directory];
  const { status } = spawnSync(command[0]!, [...command.slice(1), probe], { stdio: "ignore" });
  return status === 0 ? command : undefined;
}

const inPath = (name: string): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path));
