/** One message of a `text/event-stream`. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/** The messages of a stream, from its text in pieces of any size. Comments are left out. */
export async function* serverSentEvents(
  pieces: AsyncIterable<string>,
): AsyncGenerator<ServerSentEvent> {
  let rest = "";
  for await (const piece of pieces) {
    const messages = (rest + piece).split("\n\n");
    rest = messages.pop()!;
    for (const message of messages) {
      const parsed = parse(message);
      if (parsed !== undefined) yield parsed;
    }
  }
}

function parse(message: string): ServerSentEvent | undefined {
  const fields = message.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line));
  const valueOf = (name: string): string[] =>
    fields.flatMap((field) => (field?.[1] === name ? [field[2]!] : []));
  const data = valueOf("data");
  return data.length === 0
    ? undefined
    : { event: valueOf("event")[0] ?? "message", data: data.join("\n") };
}
