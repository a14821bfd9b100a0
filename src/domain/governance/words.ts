import type { Undertaking } from "../state/undertaking.ts";
import type { Concerns } from "./events.ts";

/** How each kind of undertaking is spoken of, to people and in codes. */
export const WORDS: {
  readonly [W in Undertaking["what"]]: {
    readonly name: string;
    /** Its path below `/v1`. */
    readonly place: string;
    /** What an approval means where it is printed (21 CFR 11.50). */
    readonly meaning: string;
    readonly ended: string;
    readonly started: string;
    readonly open: string;
  };
} = {
  run: {
    name: "run",
    place: "runs",
    meaning: "Approves that exactly this plan is executed on this database",
    ended: "run-ended",
    started: "run-started",
    open: "run-not-ended",
  },
  restore: {
    name: "restore",
    place: "restores",
    meaning: "Approves that exactly this backup replaces exactly this content of this database",
    ended: "restore-ended",
    started: "restore-started",
    open: "restore-not-ended",
  },
  "policy-change": {
    name: "change of the policy",
    place: "policy-changes",
    meaning: "Approves that the policy of this database demands less, exactly so",
    ended: "policy-change-ended",
    started: "policy-change-ended",
    open: "policy-change-not-ended",
  },
};

/** The member by which an event names what it is about. */
export function concerning({ what, id }: Pick<Undertaking, "what" | "id">): Concerns {
  switch (what) {
    case "run":
      return { runId: id };
    case "restore":
      return { restoreId: id };
    case "policy-change":
      return { policyChangeId: id };
  }
}
