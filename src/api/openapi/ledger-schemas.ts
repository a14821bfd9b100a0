import { count, flag, object, orNull, pagesOf, text, time, type Schemas } from "./schema-words.ts";

/** Answers about the ledger as a whole. */
export const LEDGER_SCHEMAS: Schemas = {
  LedgerVerification: object({
    ok: flag("Nothing was found"),
    exitCode: count("What `schemaledger verify` ends with: 0, or 10 to 50"),
    size: count("Number of events"),
    root: text("Base64 root of the Merkle tree"),
    checkedEvents: count("Events that were hashed again"),
    erasedPayloads: count("Payloads that were erased"),
    findings: { type: "array", items: { type: "object" }, description: "What is wrong" },
    reconciled: { type: "array", items: { type: "string" }, description: "Databases compared" },
    skipped: {
      type: "array",
      items: { type: "string" },
      description: "Databases with work that has no outcome yet",
    },
  }),
  Consistency: object({
    size: count("The size from which on consistency is proved"),
    root: text("Base64 root at that size: compare it with the checkpoint you kept"),
    proof: { type: "array", items: { type: "string" }, description: "Base64 hashes (RFC 9162)" },
    checkpoint: text("The signed checkpoint that the proof leads to"),
  }),
  SigningKey: object({
    verifierKey: text("`name+hexid+base64(type || public key)`"),
    since: time("When it was taken up"),
    sinceEvent: count("Index of the event that took it up"),
    retiredAt: orNull(time("When it was retired; null while it signs")),
  }),
  ...pagesOf("SigningKey"),
  Erasure: object({
    actor: text("The pseudonym, which stays"),
    keysDestroyed: count("Keys that were destroyed"),
    eventIndex: count("Index of the event SubjectErased"),
    erasedAt: time("When"),
  }),
  Rebuild: object({
    before: text("Digest of the state before"),
    after: text("Digest of the state rebuilt from every event"),
    identical: flag("They are the same"),
  }),
};
