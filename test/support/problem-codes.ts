import { filesIn, textOf } from "./repository.ts";

/** Texts that look like a code and are none: names of other things. */
const OTHER_THINGS = new Set(
  [
    "ledger-url",
    "better-sqlite3 libpg-query class-validator class-transformer class-validator-jsonschema reflect-metadata prom-client",
    "utf-8 date-time no-store unsafe-inline content-type content-length idempotency-key",
    "access-control-request-method cross-origin last-event-id transfer-encoding user-agent x-powered-by x-request-id",
    // States, reasons and kinds.
    "api-key before-work after-failure rolled-back nothing-to-do integrity-checks legal-holds",
    "failed-migration policy-change policy-changes database-broken new-file part-of-run",
    "primary-key foreign-key not-null",
    "still-running integrity-check drift-check",
    "key-revoked awaiting-approval not-before x-permission",
    // Headers, paths and labels of alerts.
    "given-up",
    "webhook-id webhook-timestamp webhook-signature retry-after alert-targets dead-letters",
    // The protocol with executor children, and points at which tests make engines fail.
    "tables-saved tables-recorded before-begin after-begin after-statements after-marker",
    "after-commit recovery-locked recovery-fenced install-done restore-before-copy",
    "restore-after-copy export-before-publish export-after-publish offline-before-rename",
    "offline-after-rename tables-before-commit tables-after-commit",
    "snapshot-frozen snapshot-dumped",
    "snapshot-locked",
    // The default data directory, and what the ledger's triggers say.
    "schemaledger-data append-only",
    // Words of migration files, names of formats and of other tools' checksums.
    "allow-row-loss golang-migrate node-pg-migrate semver-folders",
    "flyway-crc32 liquibase-9 sql-check prisma-sha256 drizzle-sha256 atlas-sum sqitch-sha1",
    // Other tools, and what is said of their claims.
    "ef-core prisma-8 database-user self-declared algorithm-unknown not-compared sqlx-sha384",
    // What lint says of suppressions.
    "lint-ignore suppression-invalid suppression-unused",
    // A cipher.
    "aes-256-gcm",
    // Classes of statements; words of SSH's formats and of what is signed.
    "create-table create-index create-view create-trigger create-virtual-table alter-table",
    "drop-table drop-index drop-view drop-trigger unknown-key",
    "ssh-keygen ssh-ed25519 ssh-rsa rsa-sha2-256 rsa-sha2-512 ieee-p1363",
    "ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521",
    "schemaledger-migration schemaledger-approval",
    // Kinds of objects in a schema, modes of TLS.
    "event-trigger verify-ca verify-full",
    // Words of the anchors file, a subcommand, a default directory.
    "log-only path-style publish-every anchor-every roll-forward schemaledger-witness",
    // Modes of TLS.
    "verify-ca verify-full",
    // The region that is taken where none is named.
    "us-east-1",
  ].flatMap((names) => names.split(" ")),
);

const CLASSES: { readonly [name: string]: number } = {
  InvalidInput: 400,
  Unauthenticated: 401,
  Refused: 403,
  NotFound: 404,
  Conflict: 409,
  Unavailable: 503,
};

/** Kinds of exceptions in reports, and rules of lint, are no codes: reports.md and lint.md have them. */
const sources = (): string[] =>
  filesIn("src", ".ts")
    .filter((path) => !path.includes("domain/audit/report/"))
    .filter((path) => !path.includes("domain/lint/rules/"))
    .map((path) => codeOf(textOf(path)));

/** Comments name codes too; what counts is what can be thrown or found. */
const codeOf = (source: string): string => source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");

/** Every code that the sources can give to an error or a finding. */
export function codesInSources(): Set<string> {
  const codes = new Set<string>();
  for (const source of sources()) {
    for (const [, text] of source.matchAll(/["']([a-z]+(?:-[a-z0-9]+)+)["']/g))
      if (!OTHER_THINGS.has(text!)) codes.add(text!);
    // Codes of one word are told by their place.
    for (const [, text] of source.matchAll(/\bcode: "([a-z]+)"/g)) codes.add(text!);
    for (const [, text] of source.matchAll(
      /(?:new \w+|super|other|findingAt|disagreement)\(\s*"([a-z]+)",/g,
    ))
      codes.add(text!);
  }
  return codes;
}

/** The codes that a class of errors gives a status of its own: code → statuses. */
export function statusesInSources(): Map<string, Set<number>> {
  const statuses = new Map<string, Set<number>>();
  for (const source of sources())
    for (const [, name, code] of source.matchAll(/new (\w+)\(\s*"([a-z0-9-]+)"/g)) {
      const status = CLASSES[name!];
      if (status !== undefined) statuses.set(code!, (statuses.get(code!) ?? new Set()).add(status));
    }
  for (const source of sources())
    for (const [, status, code] of source.matchAll(/new HttpError\(\s*(\d+),\s*"([a-z0-9-]+)"/g))
      statuses.set(code!, new Set([Number(status)]));
  return statuses;
}
