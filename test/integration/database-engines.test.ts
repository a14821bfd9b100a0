import { ManagedDatabase, MODES, Workspace } from "../support/managed-database.ts";
import { ManagedPostgres } from "../support/postgres/managed-postgres.ts";
import { MAJORS } from "../support/postgres/programs.ts";
import { postgresServer, stopPostgresServers } from "../support/postgres/server.ts";
import { CONTRACT_DDL, databaseEngineContract } from "./contracts/database-engine.contract.ts";

after(stopPostgresServers);

for (const mode of MODES)
  databaseEngineContract(`SQLite (${mode})`, async () => {
    const workspace = new Workspace();
    const database = await new ManagedDatabase(workspace, mode, CONTRACT_DDL).install();
    return {
      engine: database.engine,
      another: (target) => database.newEngine({}, target),
      request: (sql, more) => database.request(sql, more),
      value: (sql) => Promise.resolve(String(database.value(sql))),
      change: (sql) => Promise.resolve(database.foreign((db) => void db.exec(sql))),
      t: "t",
      close: () => Promise.resolve(workspace.remove()),
    };
  });

for (const major of MAJORS)
  databaseEngineContract(`PostgreSQL ${major}`, async () => {
    const database = await ManagedPostgres.create(await postgresServer(major), CONTRACT_DDL);
    return {
      engine: database.engine,
      another: (target) => database.newEngine(() => {}, target),
      request: (sql, more) => database.request(sql, more),
      value: async (sql) => String(await database.value(sql)),
      change: async (sql) => void (await database.rows(sql)),
      t: "public.t",
      close: () => database.close(),
    };
  });
