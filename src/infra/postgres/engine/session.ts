import type { DatabaseTarget } from "../../../domain/engine/database-engine.ts";
import type { SessionHost } from "../../../domain/engine/executor.ts";
import type { Succession } from "../../step/succession.ts";
import type { Address } from "../connection/address.ts";
import type { CarriedCatalog } from "./carried-catalog.ts";
import type { Connections } from "./connections.ts";
import type { ScratchDatabases } from "./scratch.ts";

/** Called at named points of the protocols; a test stops or kills the process there. */
export type Faults = (point: string) => void | Promise<void>;

/** All that the operations of one engine share. */
export interface Session {
  readonly target: DatabaseTarget;
  readonly host: SessionHost;
  readonly address: Address;
  readonly connections: Connections;
  readonly faults: Faults;
  readonly succession: Succession;
  readonly scratch: ScratchDatabases;
  readonly carried: CarriedCatalog;
  /** Quoted names of the product's own tables. */
  readonly own: OwnTables;
}

/** The product's own tables in a managed database. */
export interface OwnTables {
  /** Not quoted. */
  readonly schema: string;
  readonly meta: string;
  readonly marker: string;
}

/** The own tables of a database: in a schema of their own, or in the one that its url names. */
export function ownTables({ parameters }: Address): OwnTables {
  const schema = parameters.markers ?? "schemaledger";
  const quoted = `"${schema}"`;
  return {
    schema,
    meta: `${quoted}.schemaledger_meta`,
    marker: `${quoted}.schemaledger_marker`,
  };
}
