const LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;
const CHECKSUM_LETTERS = 6;

/** Bech32 (BIP 173) without its limit of 90 letters, in small letters. */
export function bech32(prefix: string, bytes: Uint8Array): string {
  const values = regroup(bytes, 8, 5, true)!;
  const sum = polymod([...expand(prefix), ...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  const check = Array.from({ length: CHECKSUM_LETTERS }, (_, at) => (sum >>> (5 * (5 - at))) & 31);
  return `${prefix}1${[...values, ...check].map((value) => LETTERS[value]).join("")}`;
}

/** Undefined unless `text` is one with this prefix; all letters are small or all are capitals. */
export function fromBech32(prefix: string, text: string): Buffer | undefined {
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) return undefined;
  const small = text.toLowerCase();
  if (!small.startsWith(`${prefix}1`)) return undefined;
  const values = small
    .slice(prefix.length + 1)
    .split("")
    .map((letter) => LETTERS.indexOf(letter));
  if (values.includes(-1) || values.length < CHECKSUM_LETTERS) return undefined;
  if (polymod([...expand(prefix), ...values]) !== 1) return undefined;
  const bytes = regroup(values.slice(0, -CHECKSUM_LETTERS), 5, 8, false);
  return bytes === undefined ? undefined : Buffer.from(bytes);
}

const expand = (prefix: string): number[] => [
  ...prefix.split("").map((letter) => letter.charCodeAt(0) >>> 5),
  0,
  ...prefix.split("").map((letter) => letter.charCodeAt(0) & 31),
];

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [bit, word] of GENERATOR.entries()) if (((top >>> bit) & 1) === 1) sum ^= word;
  }
  return sum >>> 0;
}

/** Undefined if bits are left over that are not zero (only without padding). */
function regroup(
  values: Iterable<number>,
  from: number,
  to: number,
  pad: boolean,
): number[] | undefined {
  const out: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = (held << from) | value;
    for (bits += from; bits >= to;) {
      bits -= to;
      out.push((held >>> bits) & ((1 << to) - 1));
    }
    held &= (1 << bits) - 1;
  }
  if (pad && bits > 0) out.push((held << (to - bits)) & ((1 << to) - 1));
  return !pad && (bits >= from || held !== 0) ? undefined : out;
}
