import { databaseIdOf, EVENT_VERSIONS, type RecordedEvent } from "../../domain/events.ts";
import type { AuditRow } from "../../domain/audit/audit-log.ts";
import { upcast } from "../../domain/ledger/upcast.ts";
import type { Json } from "../../domain/shared/json.ts";
import type { Projection } from "../../domain/state/projection.ts";
import type { Names } from "./names.ts";

/**
 * Writes events as JSON text. The payload is stored as the text of `{"context":…,"data":…}`: its
 * members are spliced in as they are, because parsing and writing them again would be most of the
 * work of reading the audit history.
 */
export class EventWriter {
  readonly #projection: Pick<Projection, "known">;
  readonly #names: Names;
  readonly #versions: { readonly [type: string]: number } = EVENT_VERSIONS;

  constructor(projection: Pick<Projection, "known">, names: Names) {
    this.#projection = projection;
    this.#names = names;
  }

  /** The JSON texts of rows, in their order. */
  async rows(rows: readonly AuditRow[]): Promise<string[]> {
    const correlations = new Set(rows.map(({ correlation }) => correlation));
    return this.#write(rows, await this.#projection.known("runs", correlations));
  }

  #write(rows: readonly AuditRow[], runIds: ReadonlySet<string>): string[] {
    // Neighbours are mostly of the same stream, actor and run: each is looked up once a page.
    const actors = memo((id) => JSON.stringify(this.#names.actor(id)));
    const streams = memo((stream) => this.#stream(stream));
    const runs = memo((correlation) => correlationOf(correlation, runIds));
    return rows.map((row) => {
      const causation = row.causation === null ? "null" : JSON.stringify(row.causation);
      return (
        `{"index":${row.index},"id":"${row.id}","type":"${row.type}",${streams(row.stream)}` +
        `,"streamVersion":${row.streamVersion},"time":"${row.time}","actor":${actors(row.actor)}` +
        `,${runs(row.correlation)},"causationId":${causation}` +
        `,"leafHash":"${row.leafHash}",${this.#payload(row)}}`
      );
    });
  }

  /** The JSON text of an event of a run that was just appended. */
  event(event: RecordedEvent): string {
    const payload = JSON.stringify({ context: event.context, data: event.data });
    const row = {
      index: event.index,
      id: event.id,
      stream: event.stream,
      streamVersion: event.streamVersion,
      type: event.type,
      v: this.#versions[event.type]!,
      time: event.time,
      actor: event.actor.id,
      actorKind: event.actor.kind,
      correlation: event.correlation,
      causation: event.causation,
      leafHash: Buffer.from(event.leafHash).toString("hex"),
      payload,
    };
    return this.#write([row], new Set([event.correlation]))[0]!;
  }

  #stream(stream: string): string {
    const id = databaseIdOf(stream);
    const database =
      id === undefined ? "" : `,"database":${JSON.stringify(this.#names.database(id))}`;
    return `"stream":${JSON.stringify(stream)}${database}`;
  }

  #payload(row: AuditRow): string {
    if (row.payload === null) return `"data":null,"erased":true`;
    if (this.#versions[row.type] === row.v) return this.#names.openText(row.payload).slice(1, -1);
    const { context, data } = JSON.parse(this.#names.openText(row.payload)) as {
      context: Json;
      data: Json;
    };
    return `"context":${JSON.stringify(context)},"data":${JSON.stringify(upcast(row, data))}`;
  }
}

/** Everything a run causes is correlated by the run's id. */
function correlationOf(correlation: string, runIds: ReadonlySet<string>): string {
  const id = JSON.stringify(correlation);
  const run = runIds.has(correlation) ? `,"runId":${id}` : "";
  return `"correlationId":${id}${run}`;
}

function memo(compute: (key: string) => string): (key: string) => string {
  const known = new Map<string, string>();
  return (key) => {
    let text = known.get(key);
    if (text === undefined) {
      text = compute(key);
      known.set(key, text);
    }
    return text;
  };
}
