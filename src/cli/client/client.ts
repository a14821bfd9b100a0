/** Query parameters; absent ones are left out. */
export interface Query {
  readonly [name: string]: string | number | boolean | readonly string[] | undefined;
}

/**
 * A ledger to work on through its REST interface: a running service over HTTP, or the same routes in
 * this process on a data directory. Paths are those of the API, `/v1/…`. Every method throws the
 * errors of the domain, with the service's code, hint and details.
 */
export interface Client {
  /** Where the ledger is, for people. */
  readonly place: string;
  get<T = Record<string, unknown>>(path: string, query?: Query): Promise<T>;
  post<T = Record<string, unknown>>(path: string, body: object): Promise<T>;
  patch<T = Record<string, unknown>>(path: string, body: object): Promise<T>;
  delete(path: string, query?: Query): Promise<void>;
  /** An answer of another type than JSON, piece by piece: NDJSON, CSV, DDL, server-sent events. */
  stream(path: string, accept: string, query?: Query): AsyncIterable<string>;
  /** The bytes of a large answer as they come; breaks off with an error if they end early. */
  download(path: string, query?: Query): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes as text, whatever they are cut at. */
export async function* decoded(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const bytes of pieces) yield decoder.decode(bytes, { stream: true });
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}
