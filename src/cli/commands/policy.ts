import { readFile } from "node:fs/promises";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { withoutAbsent } from "../../domain/shared/without-absent.ts";
import { defineCommand, defineSubcommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { tone } from "../output.ts";
import { policyDiff, type Policy } from "../policy-diff.ts";
import { databaseName, databasePath } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";
import type { Shown } from "../undertakings.ts";

interface Database {
  readonly name: string;
  readonly policy: Policy;
}

interface Change extends Shown {
  readonly approvalsNeeded: number;
  readonly weakens: readonly string[];
}

const show = defineSubcommand<SharedOptions>({
  name: "show",
  summary: "Show what a database demands of runs and restores",
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  ledger: true,
  format: "policy.show/1",
  members: { database: "its registered name", policy: "its policy" },
  examples: ["schemaledger policy show shop"],
  run: async ({ args, out, connect }) => {
    const client = await connect("read");
    const name = await databaseName(client, args[0]!);
    const { policy } = await client.get<Database>(databasePath(name));
    out.result({ database: name, policy }, () =>
      out.facts(
        Object.entries(policy).map(([member, value]) => [
          member,
          typeof value === "string" ? value : JSON.stringify(value),
        ]),
      ),
    );
  },
});

interface SetOptions extends SharedOptions {
  readonly file?: string;
  readonly reason?: string;
  readonly emergency?: boolean;
}

const set = defineSubcommand<SetOptions>({
  name: "set",
  summary: "Change what a database demands, after showing the difference",
  arguments: [
    { name: "<database>", description: "a registered name, or the file" },
    {
      name: "[member=value...]",
      description: "members to change; values in JSON, null takes one away",
    },
  ],
  options: [
    { flags: "--file <file>", description: "a JSON file with the members to change" },
    { flags: "--reason <text>", description: "why, for the record" },
    {
      flags: "--emergency",
      description: "demand less at once, without approvals; it must be reviewed afterwards",
    },
  ],
  ledger: true,
  confirms: true,
  format: "policy.set/1",
  members: {
    database: "its registered name",
    policy: "its policy now",
    policyChange: "what waits for approvals (exit code 3), or null",
  },
  examples: [
    "schemaledger policy set shop approvals=2 approvalHours=24",
    'schemaledger policy set shop window=\'{"opens": "0 2 * * *", "minutes": 120, "timeZone": "Europe/Vienna"}\'',
    'schemaledger policy set shop window=null --reason "Runs at any time"',
  ],
  details:
    "A change by which a policy that asks for approvals demands less waits for them itself (exit code 3).\n" +
    "The members: docs/reference/config.md.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const [database, ...assignments] = args;
    const change = { ...(await ofFile(options.file)), ...membersOf(assignments) };
    if (Object.keys(change).length === 0)
      throw new InvalidInput("policy-unchanged", "Nothing is to be changed", {
        hint: "Name members: approvals=2, or give --file",
      });
    const client = await call.connect("write");
    const name = await databaseName(client, database!);
    const { policy: before } = await client.get<Database>(databasePath(name));
    const diff = policyDiff(before, changed(before, change));
    for (const line of diff) out.note(line);
    if (diff.length === 0) {
      out.result({ database: name, policy: before, policyChange: null }, () =>
        out.line(`${tone("good", "Nothing to do:")} the policy of ${name} says so already`),
      );
      return EXIT.done;
    }
    await call.confirm(`Change the policy of ${name} so?`);
    const how = withoutAbsent({ reason: options.reason, emergency: options.emergency });
    const answer = await client.patch<Database | Change>(databasePath(name, "policy"), {
      ...change,
      ...how,
    });
    if (!("approvalsNeeded" in answer)) {
      out.result({ database: name, policy: answer.policy, policyChange: null }, () =>
        out.line(`${tone("good", "Done:")} the policy of ${name} is changed`),
      );
      return EXIT.done;
    }
    out.result({ database: name, policy: before, policyChange: answer }, () => {
      const { id, weakens, approvalsNeeded } = answer;
      out.line(
        `${tone("warn", "Waiting:")} it would demand less (${weakens.join(", ")}): change ${id} needs ${approvalsNeeded} ${approvalsNeeded === 1 ? "approval" : "approvals"}`,
      );
    });
    return EXIT.refused;
  },
});

export const command = defineCommand<object>({
  format: null,
  examples: [],
  subcommands: [show, set],
  run: () => Promise.resolve(),
});

async function ofFile(path: string | undefined): Promise<Policy> {
  if (path === undefined) return {};
  return objectOf(await readFile(path, "utf8"), path);
}

function objectOf(text: string, where: string): Policy {
  const value = parsed(text);
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as Policy;
  throw new InvalidInput("policy-not-json", `${where} holds no JSON object`, {
    hint: 'Write {"approvals": 2}',
  });
}

/** `approvals=2`: a value that is no JSON is a text. */
function membersOf(assignments: readonly string[]): Policy {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const at = assignment.indexOf("=");
      if (at <= 0)
        throw new InvalidInput("policy-not-json", `${assignment} assigns nothing`, {
          hint: "Write member=value: approvals=2",
        });
      const text = assignment.slice(at + 1);
      return [assignment.slice(0, at), parsed(text) ?? (text === "null" ? null : text)];
    }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A word is a value too; what must be JSON is asked for it by its type.
    return undefined;
  }
}

const changed = (policy: Policy, change: Policy): Policy =>
  Object.fromEntries(
    Object.entries({ ...policy, ...change }).filter(([, value]) => value !== null),
  );
