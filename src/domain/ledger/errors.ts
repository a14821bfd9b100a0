import { Conflict, Unavailable } from "../shared/errors.ts";
import type { ExpectedVersion } from "./ledger.ts";

/** The stream is not at the version the writer believed. Nothing was written. */
export class ExpectedVersionConflict extends Conflict {
  /** `actual`: the number of events the stream really has. */
  constructor(stream: string, expected: ExpectedVersion, actual: number) {
    super(
      "expected-version-conflict",
      `Stream ${stream} has ${actual} events, not what was expected (${expected})`,
      {
        hint: "Read the stream again and decide anew",
        details: { stream, expected, actual },
      },
    );
  }
}

/** A stored event has a type or version that this program does not know. Reading stops there. */
export class UnknownEventVersion extends Unavailable {
  constructor(index: number, type: string, v: number) {
    super(
      "unknown-event-version",
      `Event ${index} is a ${type} of version ${v}, which is unknown`,
      {
        hint: "Use the newest release of Schemaledger that wrote to this ledger",
        details: { index, type, v },
      },
    );
  }
}
