import type { Undertaking as Governed } from "../domain/state/undertaking.ts";
import { DomainError, NotFound } from "../domain/shared/errors.ts";
import type { Failure } from "../domain/shared/errors.ts";
import type { Client } from "./client/client.ts";

/** A run, a restore or a change of a policy, as the API gives it. */
export interface Shown {
  readonly id: string;
  readonly database: string;
  readonly status: string;
  readonly planDigest: string | null;
  readonly error: Failure | null;
}

/** What people decide on, wherever it is. */
export interface Undertaking {
  readonly what: Governed["what"];
  /** Its path in the API. */
  readonly path: string;
  /** Its member of a command's document. */
  readonly member: "run" | "restore" | "policyChange";
  /** For people. */
  readonly name: string;
  readonly shown: Shown;
}

const KINDS = [
  { what: "run", place: "runs", member: "run", name: "Run" },
  { what: "restore", place: "restores", member: "restore", name: "Restore" },
  {
    what: "policy-change",
    place: "policy-changes",
    member: "policyChange",
    name: "Change of the policy",
  },
] as const;

/** Ids are unique over all of them. Error: `NotFound` undertaking-not-found. */
export async function findUndertaking(client: Client, id: string): Promise<Undertaking> {
  for (const { place, ...kind } of KINDS) {
    const path = `/v1/${place}/${encodeURIComponent(id)}`;
    try {
      return { ...kind, path, shown: await client.get<Shown>(path) };
    } catch (error) {
      if (!(error instanceof DomainError) || !NONE.has(error.code)) throw error;
    }
  }
  throw new NotFound("undertaking-not-found", `No run, restore or change of a policy is ${id}`, {
    hint: "schemaledger log --type RunRequested (RestoreRequested, PolicyChangeRequested) lists them",
  });
}

const NONE = new Set(["run-not-found", "restore-not-found", "policy-change-not-found"]);

/** The document of a command about one of them: the member of its kind, the others null. */
export const documentOf = ({ member }: Undertaking, shown: object): object => ({
  run: null,
  restore: null,
  policyChange: null,
  [member]: shown,
});

/** For `members` of such commands. */
export const UNDERTAKING_MEMBERS = {
  run: "the run as `GET /v1/runs/{run}` gives it, or null",
  restore: "the restore as `GET /v1/restores/{restore}` gives it, or null",
  policyChange: "the change as `GET /v1/policy-changes/{policyChange}` gives it, or null",
};
