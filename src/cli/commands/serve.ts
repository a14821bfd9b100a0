import { LOG_LEVELS, type LogLevel } from "../../infra/telemetry/logger.ts";
import { defineCommand, type OptionSpec } from "../command.ts";

interface ServeFlags {
  readonly data: string;
  readonly host: string;
  readonly port: string;
  readonly root?: readonly string[];
  readonly oidcIssuer?: string;
  readonly oidcAudience?: string;
  readonly oidcRolesClaim?: string;
  readonly oidcRole?: readonly string[];
  readonly readOnly?: boolean;
  readonly unsealed?: boolean;
  readonly auditReads: string;
  readonly allowCode?: boolean;
  readonly backupRecipient?: readonly string[];
  readonly backupIdentity?: string;
  readonly ledger?: string;
  readonly lease?: string;
  readonly backups?: string;
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
  readonly s3PathStyle?: boolean;
  readonly s3Credentials?: string;
  readonly s3ObjectLock?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly corsOrigin?: readonly string[];
  readonly rateLimit?: string;
  readonly logLevel: LogLevel;
}

const OPTIONS: readonly OptionSpec[] = [
  {
    flags: "--config <file>",
    description:
      "JSON file with settings, named as the flags are (tlsCert); flags and environment win",
    env: "SCHEMALEDGER_CONFIG",
  },
  {
    flags: "--data <dir>",
    description: "data directory",
    env: "SCHEMALEDGER_DATA",
    default: "schemaledger-data",
  },
  {
    flags: "--host <host>",
    description: "address to listen on",
    env: "SCHEMALEDGER_HOST",
    default: "127.0.0.1",
  },
  {
    flags: "--port <n>",
    description: "port; 0 picks a free one",
    env: "SCHEMALEDGER_PORT",
    default: "7447",
  },
  {
    flags: "--root <dir...>",
    description:
      "directory under which databases may lie; repeatable (default: the working directory)",
    env: "SCHEMALEDGER_ROOT",
  },
  {
    flags: "--read-only",
    description: "only read, beside the service that writes or without one",
    env: "SCHEMALEDGER_READ_ONLY",
  },
  {
    flags: "--unsealed",
    description: "with --read-only: also where the system does not keep it from writing",
    env: "SCHEMALEDGER_UNSEALED",
  },
  {
    flags: "--oidc-issuer <url>",
    description: "identity provider whose tokens are accepted beside API keys",
    env: "SCHEMALEDGER_OIDC_ISSUER",
  },
  {
    flags: "--oidc-audience <name>",
    description: "audience that its tokens must have",
    env: "SCHEMALEDGER_OIDC_AUDIENCE",
  },
  {
    flags: "--oidc-roles-claim <path>",
    description: "claim that lists roles or groups (default: roles)",
    env: "SCHEMALEDGER_OIDC_ROLES_CLAIM",
  },
  {
    flags: "--oidc-role <group=role...>",
    description: "role that a group of the provider gives; repeatable (default: roles by name)",
    env: "SCHEMALEDGER_OIDC_ROLE",
  },
  {
    flags: "--audit-reads <which>",
    description: "reads of the audit history to record: all, sample:N, or exports alone",
    env: "SCHEMALEDGER_AUDIT_READS",
    default: "all",
  },
  {
    flags: "--allow-code",
    description:
      "take migrations with JavaScript: whoever may register them runs code with the service's rights",
    env: "SCHEMALEDGER_ALLOW_CODE",
  },
  {
    flags: "--backup-recipient <age...>",
    description:
      "encrypt backups to this age recipient too; repeatable; own: to the service alone; none: no more",
    env: "SCHEMALEDGER_BACKUP_RECIPIENT",
  },
  {
    flags: "--backup-identity <file>",
    description: "age identity file that opens the backups (default: keys/backup.identity)",
    env: "SCHEMALEDGER_BACKUP_IDENTITY",
  },
  {
    flags: "--ledger <url>",
    description:
      "PostgreSQL database that the ledger is kept in (default: as before; a file in the directory at first)",
    env: "SCHEMALEDGER_LEDGER",
  },
  {
    flags: "--lease <seconds>",
    description:
      "with a PostgreSQL ledger: after so long another service takes the place of one not heard of (default: 10)",
    env: "SCHEMALEDGER_LEASE",
  },
  {
    flags: "--backups <place>",
    description:
      "where backups lie: s3://bucket/prefix, or local (default: as before; local at first)",
    env: "SCHEMALEDGER_BACKUPS",
  },
  {
    flags: "--s3-endpoint <url>",
    description: "service of the bucket, if it is not AWS",
    env: "SCHEMALEDGER_S3_ENDPOINT",
  },
  {
    flags: "--s3-region <name>",
    description: "region of the bucket (default: AWS_REGION, or us-east-1)",
    env: "SCHEMALEDGER_S3_REGION",
  },
  {
    flags: "--s3-path-style",
    description: "name the bucket in the path: for services that are not names above their buckets",
    env: "SCHEMALEDGER_S3_PATH_STYLE",
  },
  {
    flags: "--s3-credentials <file>",
    description: "file with access keys (default: environment, ~/.aws, container, instance)",
    env: "SCHEMALEDGER_S3_CREDENTIALS",
  },
  {
    flags: "--s3-object-lock <mode:days>",
    description: "lock what backups need: governance:DAYS or compliance:DAYS",
    env: "SCHEMALEDGER_S3_OBJECT_LOCK",
  },
  {
    flags: "--tls-cert <file>",
    description: "PEM certificate to speak HTTPS with; a changed file is taken up by itself",
    env: "SCHEMALEDGER_TLS_CERT",
  },
  {
    flags: "--tls-key <file>",
    description: "PEM key of the certificate",
    env: "SCHEMALEDGER_TLS_KEY",
  },
  {
    flags: "--cors-origin <origin...>",
    description: "origin whose pages may use the API from a browser; repeatable (default: none)",
    env: "SCHEMALEDGER_CORS_ORIGIN",
  },
  {
    flags: "--rate-limit <n>",
    description: "requests a second of one caller, on average; 0: no limit (default: 200)",
    env: "SCHEMALEDGER_RATE_LIMIT",
  },
  {
    flags: "--log-level <level>",
    description: "what is written to the log on stderr; debug has a line for each request",
    env: "SCHEMALEDGER_LOG_LEVEL",
    default: "info",
    choices: LOG_LEVELS,
  },
];

export const command = defineCommand<ServeFlags>({
  options: OPTIONS,
  format: null,
  examples: ["schemaledger serve --data /var/lib/schemaledger --root /srv/databases"],
  run: async ({ options, sourceOf }) => {
    const { settingsOf } = await import("../serve-settings.ts");
    const { values, sources } = await settingsOf({ ...options }, OPTIONS, sourceOf);
    const settings = values as unknown as ServeFlags;
    const { root = [process.cwd()], oidcRole, backupRecipient, corsOrigin, ...rest } = settings;
    const { readOnly = false, unsealed = false, logLevel, ...flags } = rest;
    const config = {
      ...flags,
      oidcRoles: oidcRole,
      backupRecipients: backupRecipient,
      corsOrigins: corsOrigin,
      roots: root,
      sources,
    };
    if (readOnly) {
      const { serveReadOnly } = await import("../serve-read-only.ts");
      return serveReadOnly(config, unsealed, logLevel);
    }
    const { serve } = await import("../serve.ts");
    return serve(config, logLevel);
  },
});
