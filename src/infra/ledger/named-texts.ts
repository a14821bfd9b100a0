/** Members of payloads that always name a text in the content store by its digest. */
const TEXTS: { readonly [type: string]: readonly string[] } = {
  MigrationRegistered: ["up", "down", "verify", "signature"],
  CheckpointAnchored: ["token", "note"],
};

/** Types of events whose payloads name texts. */
export const TYPES_WITH_TEXTS: readonly string[] = Object.keys(TEXTS);

/** Digests of the texts without which an event does not say what it is about. */
export function namedTexts(type: string, payload: string): string[] {
  const members = TEXTS[type];
  if (members === undefined) return [];
  const data = dataOf(payload);
  return members.map((member) => data[member]).filter((name) => typeof name === "string");
}

/** A payload that was changed may be anything: its digest says so elsewhere. */
function dataOf(payload: string): { readonly [member: string]: unknown } {
  try {
    return (JSON.parse(payload) as { data?: { [member: string]: unknown } }).data ?? {};
  } catch {
    return {};
  }
}

/** What a verification says of one that is not there. */
export const missingText = (index: number, name: string): readonly [string, string, number] => [
  "content-missing",
  `The text ${name} that event ${index} names is missing`,
  index,
];
