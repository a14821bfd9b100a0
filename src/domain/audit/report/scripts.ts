import type { EventScan } from "../event-scan.ts";
import { handle, type EventHandlers, type Recorded } from "../event-handlers.ts";
import { databaseIdOf, type RecordedEvent } from "../../events.ts";
import type { PlannedStep } from "../../migration/events.ts";
import type { TrustVerdict } from "../../trust/policy.ts";
import type { Evidence, PlannedScript, TestEvidence } from "./change.ts";

interface Registration extends Evidence {
  readonly checksum: string;
  readonly up: string;
  readonly down: string | null;
  readonly verify: string | null;
  readonly signature: string | null;
  readonly trust: TrustVerdict | null;
}

/** What was said of plans before they were asked for: the migrations behind their versions, tests of them elsewhere. */
export class Scripts {
  /** By database and version, in order: a version can be withdrawn and registered anew. */
  readonly #registered = new Map<string, Registration[]>();
  /** By database and plan digest. */
  readonly #tests = new Map<string, TestEvidence[]>();

  /** Reads everything up to the event `last`. */
  static async read(
    scan: EventScan,
    last: number,
    open: <T>(value: T) => T = (value) => value,
  ): Promise<Scripts> {
    const scripts = new Scripts();
    const types = ["MigrationRegistered", "DeviationAccepted", "TestEvidenceRecorded"] as const;
    for await (const events of scan.chunks({ first: 0, last }, { types }))
      for (const event of events) scripts.add(open(event));
    return scripts;
  }

  add(event: RecordedEvent): void {
    handle(this.#handlers, event);
  }

  /** What a planned step runs, as it was registered when the run was requested. */
  planned(databaseId: string, step: PlannedStep, requestedAt: number): PlannedScript {
    const known = (this.#registered.get(`${databaseId} ${step.version}`) ?? []).findLast(
      ({ index, checksum }) => index < requestedAt && checksum === step.checksum,
    );
    if (known === undefined) return { ...step, ...NOTHING_REGISTERED };
    const { index, time, actor, up, down, verify, signature, trust } = known;
    return { ...step, registered: { index, time, actor }, up, down, verify, signature, trust };
  }

  /** Tests of a plan that ran elsewhere, in order. */
  testsOf(databaseId: string, planDigest: string): readonly TestEvidence[] {
    return this.#tests.get(`${databaseId} ${planDigest}`) ?? [];
  }

  readonly #handlers: EventHandlers = {
    MigrationRegistered: (event) => this.#register(event, event.data),
    DeviationAccepted: (event) => {
      const { registration } = event.data;
      if (registration !== undefined) this.#register(event, registration);
    },
    TestEvidenceRecorded: ({ index, time, actor, stream, data }) => {
      const { planDigest, environment, result, artifact = null, reference = null } = data;
      const test = { index, time, actor: actor.id, environment, result, artifact, reference };
      append(this.#tests, `${databaseIdOf(stream)} ${planDigest}`, test);
    },
  };

  #register(
    { index, time, actor, stream }: RecordedEvent,
    data: Recorded<"MigrationRegistered">["data"],
  ): void {
    const { version, checksum, up, down = null, verify = null } = data;
    const { signature = null, trust = null } = data;
    const scripts = { checksum, up, down, verify, signature, trust };
    const registration = { index, time, actor: actor.id, ...scripts };
    append(this.#registered, `${databaseIdOf(stream)} ${version}`, registration);
  }
}

const NOTHING_REGISTERED = {
  registered: null,
  up: null,
  down: null,
  verify: null,
  signature: null,
  trust: null,
};

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key) ?? [];
  list.push(item);
  lists.set(key, list);
}
