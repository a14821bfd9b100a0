import type { DatabaseTarget } from "../engine/database-engine.ts";
import type { DatabaseState } from "../state/state.ts";

/** What an executor needs to know of a database. */
export const targetOf = (database: DatabaseState, origin: string): DatabaseTarget => ({
  engine: database.engine,
  url: database.url,
  databaseId: database.id,
  origin,
  incarnation: database.incarnation,
});
