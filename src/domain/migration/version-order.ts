const PARTS = /\d+|\D+/g;

/**
 * Natural order of versions: runs of digits compare as numbers, the rest by UTF-16 code units, so
 * that 2 < 10, 0.9 < 0.10 and time stamps of equal width stay in plain string order. Versions that
 * differ only in leading zeros are ordered as strings: the order is total.
 */
export function compareVersions(a: string, b: string): number {
  const left = a.match(PARTS) ?? [];
  const right = b.match(PARTS) ?? [];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const order = compareParts(left[i]!, right[i]!);
    if (order !== 0) return order;
  }
  return left.length - right.length || compareText(a, b);
}

function compareParts(a: string, b: string): number {
  if (!isDigits(a) || !isDigits(b)) return compareText(a, b);
  const x = a.replace(/^0+/, "");
  const y = b.replace(/^0+/, "");
  return x.length - y.length || compareText(x, y);
}

const isDigits = (text: string): boolean => text >= "0" && text < ":";

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
