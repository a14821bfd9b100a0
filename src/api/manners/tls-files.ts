import { stat } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { readSmallFile } from "../../infra/files/read-small-file.ts";

export interface TlsFiles {
  /** PEM: the certificate, then those that lead to its root. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
}

/** Old versions of the protocol are broken. */
const MIN_VERSION = "TLSv1.2";
/** A certificate with a long chain has some 10 KB. */
const MAX_FILE = 1 << 20;

/** The files' content, checked to belong together. Error: InvalidInput tls-files-invalid. */
export async function readTls({ cert, key }: TlsFiles): Promise<SecureContextOptions> {
  try {
    const options: SecureContextOptions = {
      cert: await readSmallFile(cert, MAX_FILE),
      key: await readSmallFile(key, MAX_FILE),
      minVersion: MIN_VERSION,
    };
    createSecureContext(options);
    return options;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidInput(
      "tls-files-invalid",
      `The certificate ${cert} and the key ${key} cannot be used: ${why}`,
      { hint: "Give PEM files that belong together: --tls-cert, --tls-key" },
    );
  }
}

/** Calls `use` with the new content when a file changed; what is half written is tried again. */
export function watchTls(
  files: TlsFiles,
  everyMs: number,
  use: (options: SecureContextOptions) => void,
  report: (error: unknown) => void,
): () => void {
  let known: string | undefined;
  let looking = false;
  const look = async (): Promise<void> => {
    const found = await stampOf(files);
    known ??= found;
    if (found === known) return;
    use(await readTls(files));
    known = found;
  };
  const round = (): void => {
    if (looking) return;
    looking = true;
    void look()
      .catch(report)
      .finally(() => {
        looking = false;
      });
  };
  round();
  const timer = setInterval(round, everyMs).unref();
  return () => clearInterval(timer);
}

async function stampOf({ cert, key }: TlsFiles): Promise<string> {
  const facts = await Promise.all([stat(cert), stat(key)]);
  return facts.map(({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`).join("\n");
}
