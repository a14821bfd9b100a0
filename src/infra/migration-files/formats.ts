import { atlasFormat } from "./formats/atlas.ts";
import { d1Format } from "./formats/d1.ts";
import { dbmateFormat } from "./formats/dbmate.ts";
import { dieselFormat } from "./formats/diesel.ts";
import { drizzleFormat } from "./formats/drizzle.ts";
import { flywayFormat } from "./formats/flyway.ts";
import { golangMigrateFormat } from "./formats/golang-migrate.ts";
import { gooseFormat } from "./formats/goose.ts";
import { liquibaseFormat } from "./formats/liquibase.ts";
import { nodePgMigrateFormat } from "./formats/node-pg-migrate.ts";
import { plainFormat } from "./formats/plain.ts";
import { popFormat } from "./formats/pop.ts";
import { prismaFormat } from "./formats/prisma.ts";
import { semverFoldersFormat } from "./formats/semver-folders.ts";
import { sqitchFormat } from "./formats/sqitch.ts";
import { sqlxFormat } from "./formats/sqlx.ts";
import type { MigrationFormat } from "./migration-format.ts";

/**
 * Every known way of keeping migrations. Among those that names alone speak for, the first one
 * counts: more particular names come before plainer ones, which would read the same.
 */
export const MIGRATION_FORMATS: readonly MigrationFormat[] = [
  flywayFormat,
  liquibaseFormat,
  atlasFormat,
  sqitchFormat,
  dbmateFormat,
  gooseFormat,
  nodePgMigrateFormat,
  drizzleFormat,
  prismaFormat,
  dieselFormat,
  sqlxFormat,
  popFormat,
  semverFoldersFormat,
  golangMigrateFormat,
  d1Format,
  plainFormat,
];
