import type { FileMigration, UnmatchedFile } from "../../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../../domain/shared/errors.ts";
import { directivesOf } from "../directives.ts";
import type { MigrationFolder } from "../migration-folder.ts";
import { certainly, type MigrationFormat } from "../migration-format.ts";
import { listed } from "../order.ts";
import { planOf, type SqitchChange } from "../sqitch-plan.ts";
import { sqitchVerify } from "../sqitch-verify.ts";
import { sqitchScriptHash } from "../tool-checksums.ts";
import { noted, withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const PLAN = "sqitch.plan";
const CONF = "sqitch.conf";

/** Sqitch: the plan's changes in its order, with their deploy, revert and verify scripts. */
export const sqitchFormat: MigrationFormat = {
  name: "sqitch",
  recognise: async (folder) => (folder.has(PLAN) ? certainly(PLAN) : undefined),
  read: async (folder) => {
    const changes = planOf(await folder.text(PLAN));
    const used = new Set<string>([PLAN, CONF]);
    const migrations: FileMigration[] = [];
    for (const change of changes) {
      const migration = await migrationOf(folder, change);
      migration.files.forEach((file) => used.add(file));
      migrations.push(migration);
    }
    const unmatched = folder.files
      .filter((file) => !used.has(file))
      .map((file): UnmatchedFile => ({ file, reason: whyNot(file, "the plan does not name it") }));
    return { migrations: listed(migrations), unmatched };
  },
};

async function migrationOf(folder: MigrationFolder, change: SqitchChange): Promise<FileMigration> {
  const [deploy, revert, verify] = ["deploy", "revert", "verify"].map(
    (kind) => `${kind}/${change.script}.sql`,
  ) as [string, string, string];
  if (!folder.has(deploy))
    throw new InvalidInput("format-invalid", `${PLAN} has ${change.name}, but no ${deploy}`, {
      hint: "Put the script back, or take the change out of the plan if it was never deployed",
    });
  const up = await folder.text(deploy);
  const checks = folder.has(verify) ? sqitchVerify(await folder.text(verify)) : undefined;
  const own = change.name.replaceAll(/[^A-Za-z0-9._-]+/g, "-");
  return withTransaction(
    noted(
      {
        version: change.nth === 1 ? own : `${own}.${change.nth}`,
        name: change.name,
        up,
        ...(folder.has(revert) ? { down: await folder.text(revert) } : {}),
        ...(checks?.sql === undefined ? {} : { verify: checks.sql }),
        ...directivesOf(deploy, up),
        files: [deploy, revert, verify].filter((file) => folder.has(file)),
        origin: {
          version: change.id,
          name: change.name,
          checksum: { algorithm: "sqitch-sha1", values: [sqitchScriptHash(up)] },
        },
      },
      ...(checks?.note === undefined ? [] : [checks.note]),
    ),
    undefined,
  );
}
