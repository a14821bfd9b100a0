const TEXT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d|UTC)?$/i;

/**
 * A time that a tool wrote, in RFC 3339 form. Without a zone of its own it gets `Z` only if the tool is
 * known to write UTC (`zone: "utc"`). Undefined: it is not there, or not a time.
 */
export function claimedTime(text: string | undefined, zone: "utc" | "unknown"): string | undefined {
  if (text === undefined) return undefined;
  if (/^\d{12,14}$/.test(text)) return ofMilliseconds(Number(text));
  const [, date, time, fraction = "", own] = TEXT.exec(text.trim()) ?? [];
  if (date === undefined || time === undefined) return undefined;
  const clock = time.length === 5 ? `${time}:00` : time;
  return `${date}T${clock}${fraction}${zoneOf(own, zone)}`;
}

function zoneOf(own: string | undefined, zone: "utc" | "unknown"): string {
  if (own === undefined) return zone === "utc" ? "Z" : "";
  if (/^(z|utc)$/i.test(own)) return "Z";
  return own.includes(":") ? own : `${own.slice(0, 3)}:${own.slice(3)}`;
}

/** Milliseconds since 1970 in UTC; undefined beyond what a date can be. */
export function ofMilliseconds(ms: number): string | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
