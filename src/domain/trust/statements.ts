/** What signatures over migrations are for. */
export const MIGRATION_NAMESPACE = "schemaledger-migration";
/** What signatures of approvers are for. */
export const APPROVAL_NAMESPACE = "schemaledger-approval";

export interface MigrationToSign {
  readonly version: string;
  readonly name: string;
  /** Covers the scripts, the transaction mode and what is allowed. */
  readonly checksum: string;
  /** Where its tool orders otherwise than by version. */
  readonly order?: string | undefined;
  readonly repeatable?: boolean | undefined;
}

/**
 * The text that is signed for a migration. It names no database: one signature serves the databases
 * of every tenant, and each database's policy says whose it takes. A line break in a name would let
 * one text stand for two migrations, so the name is written as JSON.
 */
export function migrationStatement(migration: MigrationToSign): string {
  const { version, name, checksum, order, repeatable } = migration;
  const lines = [
    `${MIGRATION_NAMESPACE} v1`,
    `version ${version}`,
    `name ${JSON.stringify(name)}`,
    `checksum ${checksum}`,
    ...(order === undefined ? [] : [`order ${JSON.stringify(order)}`]),
    ...(repeatable === true ? ["repeatable"] : []),
  ];
  return `${lines.join("\n")}\n`;
}

export interface ApprovalToSign {
  readonly what: "run" | "restore" | "policy-change";
  readonly id: string;
  readonly planDigest: string;
}

/**
 * The text that an approver signs: exactly this plan, in exactly this run (restore, change of
 * policy). The kind is a word of it: what is signed for one thing says nothing of another.
 */
export const approvalStatement = ({ what, id, planDigest }: ApprovalToSign): string =>
  `${APPROVAL_NAMESPACE} v1\n${what} ${id}\nplan ${planDigest}\n`;
