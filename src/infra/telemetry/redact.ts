const REPLACED = "[redacted]";
/** Members that hold a secret whatever it looks like. */
const NAMES =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|token|password|secret|secrets|identity)$/i;
/** Texts that are secrets wherever they stand. */
const SECRETS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\bsl_[A-Za-z0-9_-]{20,}/g, REPLACED],
  [/\bwhsec_[A-Za-z0-9+/=]{8,}/g, REPLACED],
  [/\b(Bearer|Basic) +[A-Za-z0-9._~+/=-]{4,}/gi, `$1 ${REPLACED}`],
  [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, REPLACED],
  [/\bAGE-SECRET-KEY-1[A-Z0-9]+/g, REPLACED],
  [/(\/\/[^\s/:@]*):[^\s/@]+@/g, `$1:${REPLACED}@`],
];
/** Deeper than what anybody logs on purpose. */
const DEPTH = 5;

/** The same without what looks like a secret, however deep it stands. */
export function withoutSecrets<T>(value: T, depth = DEPTH): T {
  if (typeof value === "string") return clean(value) as T;
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return REPLACED as T;
  if (Array.isArray(value))
    return value.map((one) => withoutSecrets(one as unknown, depth - 1)) as T;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      NAMES.test(name) ? REPLACED : withoutSecrets(member as unknown, depth - 1),
    ]),
  ) as T;
}

function clean(text: string): string {
  let cleaned = text;
  for (const [pattern, replacement] of SECRETS) cleaned = cleaned.replace(pattern, replacement);
  return cleaned;
}
