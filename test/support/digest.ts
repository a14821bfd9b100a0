import { NodeDigest } from "../../src/infra/signing/node-digest.ts";

/** The real digest, for domain tests. */
export const digest = new NodeDigest();
