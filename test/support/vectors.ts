import { readFileSync } from "node:fs";

interface VectorSet {
  readonly leaves_hex: readonly string[];
  readonly leaf_hashes: readonly string[];
  /** By size, from 0. */
  readonly roots: readonly string[];
  readonly inclusion: readonly { index: number; size: number; proof: readonly string[] }[];
  readonly consistency: readonly { old: number; size: number; proof: readonly string[] }[];
}

interface VectorKey {
  readonly name: string;
  readonly seed_hex: string;
  readonly pub_hex: string;
  readonly key_id: string;
  readonly vkey: string;
}

interface Vectors {
  readonly setA: VectorSet;
  readonly setB: VectorSet;
  readonly events: readonly { env_jcs: string; len: number; data_jcs: string; salt_hex: string }[];
  readonly keys: { readonly log: VectorKey; readonly witness: VectorKey & { time: number } };
  readonly tlogProof: string;
  readonly checkpoint8: {
    readonly text: string;
    readonly signed: string;
    readonly cosigned: string;
    readonly text_sha256: string;
    readonly sig_raw_hex: string;
  };
}

const file = new URL("../../../test/fixtures/vectors.json", import.meta.url);

/** Sample data that fixes every byte of the log's formats. */
export const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
