import { databaseIdOf, type RecordedEvent } from "../../events.ts";
import type { Calendar } from "../../governance/calendar.ts";
import type { Checkpoint, Ledger } from "../../ledger/ledger.ts";
import type { TransparencyLog } from "../../ledger/transparency-log.ts";
import type { SchemaHistory } from "../../schema/schema-history.ts";
import type { Digest, Hash } from "../../shared/digest.ts";
import type { EventScan } from "../event-scan.ts";
import type { Period } from "../period.ts";
import { Tally, type TallySummary } from "../tally.ts";
import { ChangeCollector } from "./change-collector.ts";
import { statusOf, type Change } from "./change.ts";
import { CompletenessCheck, type Completeness, type Fault } from "./completeness.ts";
import { controlMatrix, type ControlResult } from "./controls.ts";
import { ExceptionCollector, type Exception } from "./exceptions.ts";
import { LogLifeCollector, type LogLife } from "./log-life.ts";
import { ReaderCollector, type Reader } from "./readers.ts";
import { sampleOf } from "./sample.ts";
import { Scripts } from "./scripts.ts";
import { ConsentCheck } from "./consent-check.ts";
import { WindowCheck } from "./window-check.ts";

/** A head of the ledger, as it was. */
export interface Head {
  readonly size: number;
  readonly root: Hash;
}

/**
 * What auditors get of a period. A function of the ledger up to the period's last event, and of the
 * first checkpoint that was signed from there on: the same again whenever it is asked for.
 */
export interface ChangeReport {
  readonly origin: string;
  readonly period: Period;
  readonly start: Head;
  readonly end: Head;
  /** From start to end, and from there to the signed checkpoint. */
  readonly proofs: { readonly toEnd: readonly Hash[]; readonly toCheckpoint: readonly Hash[] };
  readonly checkpoint: Checkpoint;
  readonly population: Population;
  readonly totals: TallySummary;
  readonly eventsByType: ReadonlyMap<string, number>;
  readonly completeness: Completeness;
  readonly faults: readonly Fault[];
  readonly logLife: LogLife;
  readonly exceptions: readonly Exception[];
  readonly readers: readonly Reader[];
  /** Every run with an event in the period, in order of request. */
  readonly changes: readonly Change[];
  readonly controls: readonly ControlResult[];
  readonly sample: readonly string[];
}

export interface Population {
  readonly changes: number;
  /** `RunRequested` events in the period. */
  readonly requested: number;
  readonly carriedOver: number;
  readonly databases: number;
  readonly byStatus: ReadonlyMap<string, number>;
}

export interface ReportDependencies {
  readonly ledger: Pick<Ledger, "read" | "origin" | "checkpointFrom">;
  readonly log: Pick<TransparencyLog, "rootAt" | "consistencyProof">;
  readonly scan: EventScan;
  readonly schemas: SchemaHistory;
  readonly digest: Digest;
  readonly calendar: Pick<Calendar, "isOpen">;
}

/** Events of a run that a period cuts in two are recalled by these types, which name no run. */
const OF_RUNS: ReadonlySet<string> = new Set([
  "BackupCompleted",
  "BackupVerified",
  "BackupFailed",
  "BackupVerificationFailed",
  "RestoreCompleted",
  "RestoreFailed",
  "IntegrityCheckCompleted",
]);

/** Puts reports together. */
export class ChangeReporter {
  readonly #deps: ReportDependencies;

  constructor(deps: ReportDependencies) {
    this.#deps = deps;
  }

  /**
   * `sampleSize`: how many changes to draw. `open` gives an event with its personal texts, or with
   * what became of them.
   */
  async report(
    period: Period,
    sampleSize: number,
    open: <T>(value: T) => T = (value) => value,
  ): Promise<ChangeReport> {
    const { scan, ledger, digest, schemas } = this.#deps;
    const collector = new ChangeCollector(
      period.first,
      await Scripts.read(scan, period.last, open),
    );
    const windows = await WindowCheck.before(period.first, scan, this.#deps.calendar);
    const consent = await ConsentCheck.before(period.first, scan, this.#deps.calendar);
    const readers = new ReaderCollector();
    const logLife = new LogLifeCollector();
    const completeness = new CompletenessCheck(period);
    const exceptions = new ExceptionCollector();
    const totals = new Tally();
    const eventsByType = new Map<string, number>();
    const recalled = new Set<string>();
    for await (const events of scan.chunks(period))
      for (const sealed of events) {
        const event = open(sealed);
        const runId = cutRun(event, collector, recalled, period);
        if (runId !== undefined) await this.#recall(runId, period, collector, open);
        collector.add(event);
        completeness.add(event);
        exceptions.add(event);
        windows.add(event, (id) => collector.get(id));
        consent.add(event);
        logLife.add(event);
        if (event.type === "AuditAccessed" || event.type === "ReportIssued") readers.add(event);
        totals.add(event.type, event.data);
        eventsByType.set(event.type, (eventsByType.get(event.type) ?? 0) + 1);
      }
    const changes = collector.all();
    const heads = await this.#heads(period);
    const consents = consent.all((id) => collector.has(id), period.to);
    const others = [...windows.found, ...consents, ...(await readers.unusual(ledger))];
    return {
      origin: ledger.origin,
      period,
      ...heads,
      population: populationOf(changes),
      totals: totals.summary(),
      eventsByType: new Map([...eventsByType].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      completeness: await completeness.result(ledger, (stream) =>
        schemas.fingerprintAt(databaseIdOf(stream)!, period.first - 1),
      ),
      faults: completeness.faults,
      logLife: logLife.result(),
      exceptions: exceptions.all(changes, period.to, others),
      readers: readers.list(),
      changes,
      controls: controlMatrix(changes),
      sample: sampleOf(
        changes.map(({ runId }) => runId),
        heads.end.root,
        sampleSize,
        digest,
      ),
    };
  }

  /** What happened to a run before the period. */
  async #recall(
    runId: string,
    { first }: Period,
    collector: ChangeCollector,
    open: <T>(value: T) => T,
  ): Promise<void> {
    const query = { correlation: runId, limit: RECALLED, order: "asc" } as const;
    const events = await this.#deps.ledger.read(query);
    for (const event of events) if (event.index < first) collector.add(open(event));
  }

  async #heads({
    first,
    last,
  }: Period): Promise<Pick<ChangeReport, "start" | "end" | "proofs" | "checkpoint">> {
    const { log, ledger } = this.#deps;
    const start = { size: first, root: await log.rootAt(first) };
    const end = { size: last + 1, root: await log.rootAt(last + 1) };
    const checkpoint = await ledger.checkpointFrom(end.size);
    const between = async (from: Head, to: Head): Promise<readonly Hash[]> =>
      from.size === 0 ? [] : log.consistencyProof(from.size, to.size);
    const proofs = {
      toEnd: await between(start, end),
      toCheckpoint: await between(end, checkpoint),
    };
    return { start, end, proofs, checkpoint };
  }
}

/** Events of one run at most; more would be none that a run makes. */
const RECALLED = 10_000;

/** The run that an event belongs to, if it began before the period and was not recalled yet. */
function cutRun(
  event: RecordedEvent,
  collector: ChangeCollector,
  recalled: Set<string>,
  { first }: Period,
): string | undefined {
  if (first === 0 || event.type === "RunRequested") return undefined;
  const named = "runId" in event.data ? event.data.runId : undefined;
  const runId = named ?? (OF_RUNS.has(event.type) ? event.correlation : undefined);
  if (runId === undefined || collector.has(runId) || recalled.has(runId)) return undefined;
  recalled.add(runId);
  return runId;
}

function populationOf(changes: readonly Change[]): Population {
  const byStatus = new Map<string, number>();
  for (const change of changes) {
    const status = statusOf(change);
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  }
  const carriedOver = changes.filter((change) => change.carriedOver).length;
  return {
    changes: changes.length,
    requested: changes.length - carriedOver,
    carriedOver,
    databases: new Set(changes.map(({ databaseId }) => databaseId)).size,
    byStatus: new Map([...byStatus].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}
