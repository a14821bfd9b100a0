/** A 32-byte SHA-256 value. */
export type Hash = Uint8Array;
export type Sha256 = (...parts: readonly Uint8Array[]) => Hash;

/** Hashing and text encodings, passed in: the domain has neither `crypto` nor `TextEncoder`. */
export interface Digest {
  /** SHA-256 over the concatenation of the parts. */
  readonly sha256: Sha256;
  /** `sha256:` + lower-case hex of SHA-256 over the concatenation of the parts. */
  ofBytes(...parts: readonly Uint8Array[]): string;
  /** The UTF-8 bytes of a text, and `ofBytes` over a salt and them. */
  saltedText(
    salt: Uint8Array,
    text: string,
  ): { readonly bytes: Uint8Array; readonly digest: string };
  /** The UTF-8 bytes of a text, and SHA-256 over a prefix and them. */
  prefixedText(
    prefix: Uint8Array,
    text: string,
  ): { readonly bytes: Uint8Array; readonly hash: Hash };
  /** `sha256:` + lower-case hex of SHA-256 over the UTF-8 bytes of `text`. */
  ofText(text: string): string;
  utf8(text: string): Uint8Array;
  /** UTF-8 to text; throws TypeError on malformed bytes. */
  text(bytes: Uint8Array): string;
  base64(bytes: Uint8Array): string;
  /** undefined unless `text` is canonical base64 (re-encoding gives the same text). */
  fromBase64(text: string): Uint8Array | undefined;
  hex(bytes: Uint8Array): string;
  fromHex(text: string): Uint8Array;
}
