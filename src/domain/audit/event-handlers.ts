import type { EventType, RecordedEvent } from "../events.ts";

/** The recorded event of a type. */
export type Recorded<T extends EventType> = Extract<RecordedEvent, { type: T }>;

/**
 * What is done with events of some types. Others are passed over: these readers answer questions
 * about the ledger, they are not its state, and a question has its own events.
 */
export type EventHandlers = { readonly [T in EventType]?: (event: Recorded<T>) => unknown };

/** Gives the event to its handler, if it has one. */
export function handle(handlers: EventHandlers, event: RecordedEvent): void {
  const handler = handlers[event.type] as ((event: RecordedEvent) => void) | undefined;
  handler?.(event);
}
