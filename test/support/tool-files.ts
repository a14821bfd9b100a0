/** The text of which Flyway, Prisma and others made the checksums in `tool-histories.ts`. */
export const SAMPLE = "CREATE TABLE users (\n  id INTEGER PRIMARY KEY,\n  name TEXT\n);\n";

/** The changelog of which Liquibase made its own. */
export const CHANGELOG = `--liquibase formatted sql

--changeset alice:1 labels:core context:all
--comment: users table
CREATE TABLE users (
   id INTEGER PRIMARY KEY,
   name TEXT
);
--rollback DROP TABLE users;

--changeset bob:2 runInTransaction:false
CREATE TABLE a1(id INTEGER);
CREATE TABLE a2(id INTEGER);
`;
