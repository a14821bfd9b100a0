/** A public history: where it is, and what its folder cannot say of itself. */
export interface KnownHistory {
  readonly name: string;
  /** On GitHub. */
  readonly repository: string;
  readonly commit: string;
  readonly path: string;
  /** The member `migrations` of its configuration. */
  readonly config?: { readonly [member: string]: unknown };
  /** Text of its `schemaledger.functions.mjs`. */
  readonly functions?: string;
  /** Texts that columns of a name get when tables are filled. */
  readonly values?: { readonly [column: string]: string };
}

/** Seconds or a clock's time as one byte of hours, minutes or seconds. */
const DURATION = `export function durationToTinyInt(text) {
  const parts = String(text).split(":").map(Number).reverse();
  const [seconds = 0, minutes = 0, hours = 0] = parts;
  return seconds + 60 * minutes + 3600 * hours;
}
export const basename = (path) => String(path).split("/").at(-1);
`;

const BASE64 = `export function BIN2B64(value) {
  return value === null ? null : Buffer.from(value).toString("base64");
}
`;

export const KNOWN_HISTORIES: readonly KnownHistory[] = [
  {
    name: "vaultwarden",
    repository: "dani-garcia/vaultwarden",
    commit: "46d71107f5094460dd5ecbe1dbac6e6c71e5189a",
    path: "migrations/sqlite",
  },
  {
    name: "stash",
    repository: "stashapp/stash",
    commit: "cf3489efdc450dc2812367e8c4d61fd1c9bf3051",
    path: "pkg/sqlite/migrations",
    config: { ignore: { "\\d+_(?:pre|post)migrate\\.go": "changes rows alone" } },
    functions: DURATION,
  },
  {
    name: "authelia",
    repository: "authelia/authelia",
    commit: "23572030b4048922a377ca40d59e804e0ed25fd7",
    path: "internal/storage/migrations/sqlite",
    config: {
      files: [String.raw`V(?<version>\d+)\.(?<name>\w+)\.(?<direction>up|down)\.sql`],
    },
    functions: BASE64,
  },
  {
    name: "memos",
    repository: "usememos/memos",
    commit: "76a762924306e782871204f131f4033be5e8e41a",
    path: "store/migration/sqlite",
    config: {
      baseline: { version: "0.1", sql: "base.sql" },
      ignore: { "LATEST\\.sql": "the whole schema" },
    },
  },
  {
    name: "homarr",
    repository: "homarr-labs/homarr",
    commit: "464d98e124726f30c5f92ccf18a5ebff71e0cdd9",
    path: "packages/db/migrations/sqlite",
  },
  {
    name: "appflowy",
    repository: "AppFlowy-IO/AppFlowy",
    commit: "5cf3a365dec0d59f64bad1ee4bb1050471a39b93",
    path: "frontend/rust-lib/flowy-sqlite/migrations",
  },
  {
    name: "chroma",
    repository: "chroma-core/chroma",
    commit: "93652ec0869489b803fe1682427fc02bd47bec14",
    path: "rust/sqlite/migrations",
    config: {
      files: [String.raw`(?<version>\w+/\d+)-(?<name>[\w-]+)(?:\.(?<engine>sqlite))\.sql`],
    },
  },
  {
    name: "taproot-assets",
    repository: "lightninglabs/taproot-assets",
    commit: "95bd8d412befeacf410810796644de5fbb4c8777",
    path: "tapdb/sqlc/migrations",
  },
  {
    name: "synapse",
    repository: "element-hq/synapse",
    commit: "a58ad44eb0ce3cc14153f921206f322e17339dc5",
    path: "synapse/storage/schema",
    config: {
      files: [
        String.raw`(?:main|state|common)/delta/(?<version>\d+/\w+?)\.sql(?:\.(?<engine>sqlite|postgres))?`,
      ],
      // The three files full_schemas/72/full.sql.sqlite in one: common, main, state.
      baseline: { version: "72.zz", sql: "base.sql" },
      placeholder: String.raw`\$%(\w+)%\$`,
      placeholders: { AUTO_INCREMENT_PRIMARY_KEY: "INTEGER PRIMARY KEY AUTOINCREMENT" },
      ignore: {
        "(?:main|state|common)/full_schemas/.*": "a whole schema",
        ".*\\.py": "in Python",
      },
    },
  },
  {
    name: "atuin-client",
    repository: "atuinsh/atuin",
    commit: "824c8716d82bed774ee6a83c683087ae77715814",
    path: "crates/atuin-client/migrations",
  },
  {
    name: "atuin-records",
    repository: "atuinsh/atuin",
    commit: "824c8716d82bed774ee6a83c683087ae77715814",
    path: "crates/atuin-client/record-migrations",
  },
  {
    name: "atuin-server",
    repository: "atuinsh/atuin",
    commit: "824c8716d82bed774ee6a83c683087ae77715814",
    path: "crates/atuin-server-sqlite/migrations",
  },
  {
    name: "uptime-kuma",
    repository: "louislam/uptime-kuma",
    commit: "6398a9581d1c3c427a7536559f47ccf45dac08b4",
    path: "db/old_migrations",
    config: {
      files: [String.raw`(?<version>(?<name>patch[\w-]+))\.sql`],
      order: "listed",
      list: "LIST",
    },
  },
];
