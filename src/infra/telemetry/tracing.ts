import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
} from "@opentelemetry/api";
import type { IncomingMessage } from "node:http";
import type { SpanAttributes, Tracer } from "../../domain/shared/tracer.ts";
import { TOOL_VERSION } from "../system/version.ts";

/*
 * Traces by the API of OpenTelemetry alone: without an SDK, which whoever wants traces loads with
 * `--import`, everything here does nothing.
 */

const tracer = () => trace.getTracer("schemaledger", TOOL_VERSION);

/** Spans of the service's own work. */
export const openTelemetry: Tracer = {
  span: (name, attributes, work) => spanOf(name, { attributes: attributesOf(attributes) }, work),
  root: (name, attributes, work) =>
    spanOf(name, { attributes: attributesOf(attributes), root: true }, work),
};

const spanOf = <T>(
  name: string,
  options: SpanOptions,
  work: (fail: (error: unknown) => void) => Promise<T>,
): Promise<T> =>
  tracer().startActiveSpan(name, options, async (span) => {
    try {
      return await work((error) => failed(span, error));
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });

/** A request as it is answered. */
export interface RequestSpan {
  /** What the request causes is below it. */
  within<T>(work: () => T): T;
  end(status: number): void;
}

/**
 * A span of a request, below the one that the client says it is part of (W3C `traceparent`, or what
 * the SDK was told to read).
 */
export function requestSpan(
  name: string,
  attributes: SpanAttributes,
  { headers }: Pick<IncomingMessage, "headers">,
): RequestSpan {
  const active = context.active();
  // An instrumentation of HTTP has read the headers already.
  const parent =
    trace.getSpan(active) === undefined ? propagation.extract(active, headers) : active;
  const options = { kind: SpanKind.SERVER, attributes: attributesOf(attributes) };
  const span = tracer().startSpan(name, options, parent);
  const within = trace.setSpan(parent, span);
  return {
    within: (work) => context.with(within, work),
    end: (status) => {
      span.setAttribute("http.response.status_code", status);
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** What another process did, with its own clock's times (ms since 1970) and ids of its own list. */
export interface RemoteSpan {
  readonly name: string;
  readonly began: number;
  readonly ended: number;
  /** Place in the list of the one it is below; absent: it is below what it was called by. */
  readonly parent?: number;
  readonly attributes?: SpanAttributes;
  readonly failed?: boolean;
}

/** A call of another process. */
export interface CallSpan {
  /** W3C; absent: nobody wants to know what the other process does. */
  readonly traceparent?: string;
  readonly end: (error?: unknown) => void;
}

const SILENT: CallSpan = { end: () => undefined };

/** A span around a call of another process. */
export function callSpan(name: string, attributes: SpanAttributes): CallSpan {
  const options = { kind: SpanKind.CLIENT, attributes: attributesOf(attributes) };
  const span = tracer().startSpan(name, options);
  if (!span.isRecording()) return SILENT;
  return {
    traceparent: traceparentOf(span.spanContext()),
    end: (error) => {
      if (error !== undefined) failed(span, error);
      span.end();
    },
  };
}

/**
 * Spans that another process reported: it has no SDK, no network and no secrets, so it only says
 * what it did, and by which call.
 */
export function adopt(traceparent: string, spans: readonly RemoteSpan[]): void {
  const caller = contextOf(traceparent);
  if (caller === undefined) return;
  const made: Span[] = [];
  for (const { name, began, parent, attributes = {} } of spans) {
    const above = parent === undefined ? undefined : made[parent];
    const below: Context = above === undefined ? caller : trace.setSpan(caller, above);
    const options = { startTime: began, attributes: attributesOf(attributes) };
    made.push(tracer().startSpan(name, options, below));
  }
  for (const [i, span] of made.entries()) {
    const { ended, failed: hasFailed } = spans[i]!;
    if (hasFailed === true) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(ended);
  }
}

/** Names the trace in which something happens now, for logs; empty without an SDK. */
export function traceIds(): { readonly traceId?: string; readonly spanId?: string } {
  const span = trace.getActiveSpan();
  if (span === undefined) return {};
  const { traceId, spanId } = span.spanContext();
  return { traceId, spanId };
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;

function contextOf(traceparent: string): Context | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  const sampled = Number.parseInt(flags!, 16) & TraceFlags.SAMPLED;
  const spanContext = { traceId, spanId, traceFlags: sampled, isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

const attributesOf = (attributes: SpanAttributes): Record<string, string | number | boolean> => ({
  ...attributes,
});

/** Codes say enough: messages may quote what is in a database. */
function failed(span: Span, error: unknown): void {
  const code = error instanceof Error && "code" in error ? String(error.code) : "internal";
  span.setAttribute("error.type", code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}
