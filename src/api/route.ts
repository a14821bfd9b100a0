import type { ClassConstructor } from "class-transformer";
import type { IncomingHttpHeaders } from "node:http";
import type { Context } from "../domain/shared/actor.ts";
import type { Identity } from "../domain/trust/policy.ts";
import type { Scope } from "./auth/scope.ts";
import type { Access } from "./auth/permissions.ts";

export type Method = "get" | "post" | "patch" | "delete";

/** One authenticated and validated request. */
export interface Call<Body extends object, Query extends object> {
  /** The path's parameters, decoded. */
  readonly params: { readonly [name: string]: string };
  readonly body: Body;
  readonly query: Query;
  readonly headers: IncomingHttpHeaders;
  /** Path and query as requested, for links. */
  readonly url: string;
  /** The first of the types that the client accepts; the first of all if it does not say. */
  readonly accepts: (...types: readonly string[]) => string;
  /** On public routes an anonymous context that no command may be given. */
  readonly context: Context;
  /** What the identity provider says of the caller, if one does. Never recorded as it is. */
  readonly identity?: Identity | undefined;
  /** What databases the caller may see. */
  readonly scope: Scope;
}

/** A whole answer, as JSON or as a text of another type. */
export interface WholeAnswer {
  readonly status: number;
  /** Anything JSON; absent = no body. */
  readonly body?: unknown;
  /** Instead of `body`: sent as it is. */
  readonly text?: string;
  /** Instead of `body`: bytes, sent as they are. */
  readonly bytes?: Uint8Array;
  /** Content type of `text` or `bytes`. */
  readonly type?: string;
  readonly headers?: { readonly [name: string]: string };
}

/** An answer that is written over time, until the reader or the service goes. */
export interface StreamAnswer {
  readonly type: string;
  stream(sink: Sink): void;
}

/** A large answer that is made while it is sent, as fast as its reader takes it. */
export interface DownloadAnswer {
  readonly type: string;
  readonly headers?: { readonly [name: string]: string };
  /** Names of what `trailers` gives once the last chunk was made. */
  readonly trailerNames?: readonly string[];
  trailers?(): { readonly [name: string]: string };
  /** An error breaks the answer off: the reader sees that it is not whole. */
  readonly chunks: AsyncIterable<string | Uint8Array>;
  /** Called once when it is over, however: `chunks` need not have been asked for at all. */
  release(): void;
}

/** Where a stream writes. */
export interface Sink {
  /** False: the reader is too slow and was dropped. */
  write(text: string): boolean;
  end(): void;
  /** Called once when nothing more can be written. */
  onClose(listener: () => void): void;
}

export type Answer = WholeAnswer | StreamAnswer | DownloadAnswer;

/** What an answer of one status looks like, for the API's document. */
export interface ResponseSpec {
  readonly description: string;
  /** Name of a schema in openapi/schemas.ts. */
  readonly schema?: string;
  /** Other content types than JSON. */
  readonly types?: readonly string[];
}

/**
 * A route is data: the router, the authorization, the API's document and their tests read the same
 * list. `access` is required: a route cannot be declared without saying who may call it.
 */
export interface RouteOf<Body extends object, Query extends object> {
  readonly method: Method;
  /** In OpenAPI's form: `/v1/databases/{database}`. */
  readonly path: string;
  /** The last parameter takes the rest of the path, slashes included. */
  readonly rest?: boolean;
  /** Unique; names the operation in generated clients. */
  readonly id: string;
  readonly access: Access;
  /**
   * For keys that are limited to some databases, where neither path nor query names one: `nothing`
   * shows nothing of any database, `listed` shows only those of the call's scope. Absent: the route
   * concerns the whole service, and such keys are refused.
   */
  readonly reach?: "nothing" | "listed";
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly request?: ClassConstructor<Body>;
  readonly query?: ClassConstructor<Query>;
  /** Largest body, bytes. Default 1 MiB. */
  readonly bodyLimit?: number;
  /** Members of the answer that must not be kept for a repeated request: secrets. */
  readonly secretMembers?: readonly string[];
  readonly responses: { readonly [status: number]: ResponseSpec };
  handle(call: Call<Body, Query>): Answer | Promise<Answer>;
}

/** Any route. `handle` is called with what `request` and `query` made of the request. */
export type Route = RouteOf<object, object>;

/** Declares a route with its body and query types tied to its DTO classes. */
export const route = <Body extends object, Query extends object>(
  declared: RouteOf<Body, Query>,
): Route => declared as unknown as Route;
