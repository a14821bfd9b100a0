import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../domain/shared/errors.ts";
import { exists } from "../../infra/files/exists.ts";
import { readHolder, serviceOf } from "../../infra/files/directory-lock.ts";
import { defineCommand } from "../command.ts";
import { odd, wrong, type Examined } from "../doctor/examined.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { plain, tone } from "../output.ts";
import type { Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";
import { sizeText } from "../sizes.ts";
import type { Client } from "../client/client.ts";

const LITTLE_SPACE = 1e9;

export const command = defineCommand<SharedOptions>({
  ledger: true,
  format: "doctor/1",
  members: {
    items: "`{what, status, message, hint?}`; status `ok`, `warning` or `error`",
  },
  examples: ["schemaledger doctor", "schemaledger doctor --data /var/lib/schemaledger"],
  details:
    "Looks at permissions, keys, durability, disk, clock, anchors, the backups' bucket and databases, of a --server at what it says of itself, and changes nothing but a small object that it puts into the bucket and removes again. Exit code 1 if something needs attention, 5 if it is damage.\n",
  run: async ({ options, out, connect }) => {
    const found: Examined[] = [node()];
    if (options.server === undefined) found.push(...(await directory(options)));
    const worst = { code: EXIT.done as number };
    try {
      const client = await connect("read");
      const { examineClock } = await import("../doctor/anchors.ts");
      found.push(...(await ledger(client)), ...(await examineClock(client, Date.now())));
      if (options.server !== undefined) found.push(...(await health(client)));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      worst.code = exitCodeOf(error);
      found.push({
        what: "ledger",
        status: "error",
        message: error.message,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
    }
    out.result({ items: found }, () => {
      for (const { what, status, message, hint } of found) {
        const mark = tone(
          status === "ok" ? "good" : status === "error" ? "bad" : "warn",
          status.padEnd(7),
        );
        out.line(
          `${mark} ${what.padEnd(16)} ${plain(message)}${hint === undefined ? "" : `\n${" ".repeat(25)}${plain(hint)}`}`,
        );
      }
    });
    if (worst.code === EXIT.integrity) return EXIT.integrity;
    return found.some(({ status }) => status === "error") ? EXIT.failed : EXIT.done;
  },
});

const node = (): Examined => ({
  what: "node",
  status: "ok",
  message: `${process.version} on ${process.platform}`,
});

async function directory(options: SharedOptions): Promise<Examined[]> {
  const { dataDirectory } = await import("../client/local-options.ts");
  const data = dataDirectory(options);
  const what = "data directory";
  if (!(await exists(join(data, "ledger.db")))) return [];
  const { mode } = await stat(data);
  const { bavail, bsize } = await statfs(data);
  const free = bavail * bsize;
  const writable = await access(data, constants.W_OK).then(
    () => true,
    () => false,
  );
  return [
    {
      what,
      status: writable ? "ok" : "error",
      message: `${data}${writable ? "" : " cannot be written"}`,
    },
    (mode & 0o077) === 0
      ? { what: "permissions", status: "ok", message: "for its owner alone" }
      : {
          what: "permissions",
          status: "error",
          message: "others can look into it",
          hint: `chmod 700 ${data}`,
        },
    free > LITTLE_SPACE
      ? { what: "disk", status: "ok", message: `${sizeText(free)} free` }
      : {
          what: "disk",
          status: "warning",
          message: `only ${sizeText(free)} free`,
          hint: "Backups need room",
        },
    await holder(data),
    ...(await insideOf(data)),
  ];
}

async function insideOf(data: string): Promise<Examined[]> {
  const [{ examineKeys }, { examineDurability }, { examineAnchors }, bucket] = await Promise.all([
    import("../doctor/keys.ts"),
    import("../doctor/durability.ts"),
    import("../doctor/anchors.ts"),
    import("../doctor/bucket.ts"),
  ]);
  return [
    ...(await examineKeys(data)),
    ...(await examineDurability(data)),
    ...(await examineAnchors(data)),
    ...(await bucket.examineBucketOf(data)),
  ];
}

async function holder(data: string): Promise<Examined> {
  const url = serviceOf(await readHolder(data));
  const message = url === undefined ? "no service has the directory" : `a service has it: ${url}`;
  return { what: "service", status: "ok", message };
}

/** What the service says of itself. */
async function health(client: Client): Promise<Examined[]> {
  interface Check {
    readonly status: "ok" | "degraded" | "failed";
    readonly hint?: string;
  }
  const { checks } = await client.get<{ readonly checks: Record<string, Check> }>("/readyz");
  const troubles = Object.entries(checks).filter(([, { status }]) => status !== "ok");
  if (troubles.length === 0) return [{ what: "health", status: "ok", message: "all is well" }];
  return troubles.map(([check, { status, hint = "Look at the service's log" }]) => {
    const as = status === "failed" ? wrong : odd;
    return as(`health: ${check}`, status, hint);
  });
}

interface Database {
  readonly name: string;
  readonly status: string;
  readonly drift: object | null;
  readonly quarantine: { readonly reason: string } | null;
  readonly lastBackup: { readonly verifiedAt: string | null } | null;
}

async function ledger(client: Client): Promise<Examined[]> {
  const { items } = await client.get<Page<Database>>("/v1/databases");
  const whole: Examined = { what: "ledger", status: "ok", message: `at ${client.place}` };
  return [whole, ...items.filter(({ status }) => status !== "retired").map(database)];
}

function database({ name, drift, quarantine, lastBackup }: Database): Examined {
  const what = `database ${name}`;
  if (quarantine !== null)
    return {
      what,
      status: "error",
      message: `quarantined: ${quarantine.reason}`,
      hint: `schemaledger restore ${name} --reason … brings the newest verified backup back`,
    };
  if (drift !== null)
    return {
      what,
      status: "error",
      message: "its schema was changed past the ledger",
      hint: `schemaledger diff ${name} shows what`,
    };
  if (lastBackup?.verifiedAt == null)
    return {
      what,
      status: "warning",
      message: "has no verified backup",
      hint: `schemaledger backup ${name}`,
    };
  return { what, status: "ok", message: `last verified backup ${lastBackup.verifiedAt}` };
}
