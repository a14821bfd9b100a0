import { verificationExit } from "../../domain/ledger/verification-exit.ts";
import { DomainError, InvalidInput } from "../../domain/shared/errors.ts";
import { defineCommand, type Call } from "../command.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { plain, tone } from "../output.ts";
import { DEFAULT_DATA, type SharedOptions } from "../shared-options.ts";

interface VerifyOptions extends SharedOptions {
  readonly checkpoint?: readonly string[];
  readonly since?: string;
  readonly vkey?: readonly string[];
  readonly workers?: string;
  readonly databases?: boolean;
}

interface Found {
  readonly code: string;
  readonly message: string;
  readonly database?: string;
}

/** What is told of a verification, wherever it was made. */
interface Verified {
  readonly size: number;
  readonly root: string;
  readonly checkedEvents: number;
  readonly findings: readonly Found[];
  readonly reconciled?: readonly string[];
  readonly skipped?: readonly string[];
}

/** A note or signature that cannot be right makes the ledger invalid; anything else is usage. */
const INVALID = new Set([
  "malformed-note",
  "bad-signature",
  "unknown-signer",
  "malformed-checkpoint",
]);

export const command = defineCommand<VerifyOptions>({
  arguments: [{ name: "[export]", description: "an exported directory instead of a ledger" }],
  options: [
    {
      flags: "--checkpoint <file...>",
      description: "a signed checkpoint that you kept: the ledger must continue it; repeatable",
    },
    {
      flags: "--since <file>",
      description: "a checkpoint up to which you verified before: read only what is newer",
    },
    {
      flags: "--vkey <key...>",
      description: "trust this verifier key, or those in this file, instead of those in the ledger",
    },
    { flags: "--workers <n>", description: "threads that hash (default: 2)" },
    { flags: "--no-databases", description: "do not compare the managed databases" },
  ],
  ledger: true,
  format: "verify/1",
  members: {
    ok: "nothing was found",
    exitCode: "what the command ends with",
    size: "number of events",
    root: "base64 root of the Merkle tree",
    checkedEvents: "events that were hashed again",
    findings: "what is wrong: `code`, `message`, `index`, `database`",
    reconciled: "databases that were compared",
    skipped: "databases left out: work on them is under way, or has no outcome yet",
  },
  examples: [
    "schemaledger verify",
    "schemaledger verify --checkpoint kept-in-june --checkpoint kept-in-july",
    "schemaledger verify --since last-verified --no-databases",
    "schemaledger verify /mnt/export --vkey vkey",
  ],
  details:
    "Exit codes: 0 right · 2 usage · 10 invalid · 20 forked or rewritten · 21 truncated or rolled\n" +
    "back · 30 stale · 40 payload missing · 50 a database disagrees. With --server the service\n" +
    "verifies itself; an auditor runs it on the files, or runs verifier/verify.js on an export.\n",
  run: async (call) => {
    const { out } = call;
    const verified = await verify(call);
    const { findings } = verified;
    const exitCode = verificationExit(findings);
    out.result({ ok: findings.length === 0, exitCode, ...verified }, () => {
      const word = findings.length === 0 ? tone("good", "right:") : tone("bad", "NOT right:");
      out.line(`${word} ${verified.checkedEvents} of ${verified.size} events were read`);
      out.facts([
        ["root", verified.root],
        ["databases", databasesText(verified)],
      ]);
      for (const { code, message, database } of findings)
        out.line(
          `${database === undefined ? "" : `${plain(database)}: `}${plain(message)} (${code})`,
        );
    });
    return exitCode;
  },
});

async function verify(call: Call<VerifyOptions>): Promise<Verified> {
  const [place] = call.args;
  if (place !== undefined) return offline(call, place);
  if (call.options.server !== undefined) return served(call, true);
  const files = await offline(call, call.options.data ?? DEFAULT_DATA);
  if (call.options.databases === false || files.findings.length > 0) return files;
  try {
    const { findings, reconciled = [], skipped = [] } = await served(call, false);
    return { ...files, findings, reconciled, skipped };
  } catch (error) {
    // A ledger that the service refuses to go on with.
    if (!(error instanceof DomainError) || exitCodeOf(error) !== EXIT.integrity) throw error;
    const { code, message } = error;
    return { ...files, findings: [{ code, message }] };
  }
}

async function offline({ options }: Call<VerifyOptions>, place: string): Promise<Verified> {
  const { verifyOffline } = await import("../../api/offline-ledger.ts");
  const { checkpoint: checkpoints = [], since, vkey: vkeys = [] } = options;
  try {
    const workers = countOf(options.workers);
    const found = await verifyOffline(place, { checkpoints, since, vkeys, workers });
    const { size, checkedEvents, findings } = found;
    return { size, root: Buffer.from(found.root).toString("base64"), checkedEvents, findings };
  } catch (error) {
    if (!(error instanceof DomainError) || !INVALID.has(error.code)) throw error;
    const { code, message } = error;
    return { size: 0, root: "", checkedEvents: 0, findings: [{ code, message }] };
  }
}

/** By the service, or by one in this process: with the state, and with the databases. */
async function served(call: Call<VerifyOptions>, whole: boolean): Promise<Verified> {
  const { checkpoint = [], since, databases } = call.options;
  const { readFile } = await import("node:fs/promises");
  const client = await call.connect("read");
  const notes = await Promise.all(checkpoint.map((file) => readFile(file, "utf8")));
  const before = whole && since !== undefined ? await readFile(since, "utf8") : undefined;
  return client.post<Verified>("/v1/ledger/verifications", {
    checkpoints: notes,
    ...(before === undefined ? {} : { since: before }),
    databases: databases ?? true,
  });
}

function countOf(workers = "2"): number {
  const count = Number(workers);
  if (Number.isInteger(count) && count >= 0 && count <= 64) return count;
  throw new InvalidInput("workers-invalid", `${workers} is not a number of threads`, {
    hint: "Give --workers a whole number from 0 to 64",
  });
}

const databasesText = ({ reconciled, skipped = [] }: Verified): string | null => {
  if (reconciled === undefined) return null;
  const left =
    skipped.length === 0
      ? ""
      : `; left out, with work that has no outcome yet: ${skipped.map(plain).join(", ")}`;
  return `${reconciled.length} compared${left}`;
};
