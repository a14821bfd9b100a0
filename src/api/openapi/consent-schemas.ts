import {
  anything,
  count,
  flag,
  nullable,
  object,
  oneOf,
  orNull,
  pagesOf,
  ref,
  text,
  texts,
  time,
  uuid,
  type Properties,
  type Schemas,
} from "./schema-words.ts";

/** The members of everything that needs consent. */
export const CONSENT: Properties = {
  approvalsNeeded: count("Approvals it needs before it begins"),
  approvals: { type: "array", items: { type: "object" }, description: "Who agreed" },
  notBefore: orNull(time("It does not begin earlier")),
  scheduledFor: anything("When it may begin and why not now: at, cause; or null"),
  exception: flag("May begin outside the window and during a freeze"),
  emergency: flag("Began without approvals; must be reviewed"),
  reviewBy: orNull(time("Until when an emergency must be reviewed")),
  review: anything("The review of an emergency; or null"),
};

/** What answers about changes of policies look like. */
export const POLICY_CHANGE_SCHEMAS: Schemas = {
  PolicyChange: object({
    id: uuid("Names the change"),
    database: text("The database's name", "shop"),
    databaseId: uuid("The database's id"),
    status: oneOf("awaiting-approval", "succeeded", "cancelled", "rejected", "outdated"),
    policy: ref("Policy"),
    weakens: texts("Members of the policy that would demand less"),
    planDigest: text("Digest of the policy as it is and as it is to be: approvals name it"),
    reason: orNull(text("Why it was asked for")),
    requestedBy: ref("Actor"),
    requestedAt: time("When it was asked for"),
    endedAt: orNull(time("When it was made, given up, rejected or overtaken")),
    approvalsNeeded: count("Approvals it needs"),
    approvals: { type: "array", items: { type: "object" }, description: "Who agreed" },
    emergency: flag("Made without approvals; must be reviewed"),
    reviewBy: orNull(time("Until when an emergency must be reviewed")),
    review: anything("The review of an emergency; or null"),
    error: nullable("Failure"),
    eventIndex: count("Index of the event in the ledger"),
  }),
  ...pagesOf("PolicyChange"),
};
