import type { Dialect, Dialects, ScriptToAnalyze } from "../engine/dialect.ts";
import { databaseStream, type EventOf } from "../events.ts";
import type { Content } from "../ledger/ledger.ts";
import type { QuietRecorder } from "../service/quiet-recorder.ts";
import type { Context } from "../shared/actor.ts";
import type { Digest } from "../shared/digest.ts";
import { InvalidInput, Refused } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";
import type { MigrationTrust } from "../trust/migration-trust.ts";
import type { Identity } from "../trust/policy.ts";
import { refuseBeyond, type LimitedScript } from "../trust/sql-limits.ts";
import { refuseCode } from "./code-steps.ts";
import { checksumOf, type MigrationInput } from "./migration.ts";
import { registrations, type Taken } from "./registration.ts";

export interface RegistrarParts {
  readonly dialects: Dialects;
  readonly digest: Digest;
  readonly trust: MigrationTrust;
  readonly quiet: QuietRecorder;
  /** Migrations may bring code. */
  readonly allowsCode: boolean;
}

/** Who registers: as recorded, and as their identity provider says it, if one does. */
export interface Registrant {
  readonly context: Context;
  readonly identity?: Identity | undefined;
}

/** Says whether migrations may be registered, and how they are written down. */
export class Registrar {
  readonly #parts: RegistrarParts;

  constructor(parts: RegistrarParts) {
    this.#parts = parts;
  }

  /**
   * All of them, or an error: `InvalidInput` migration-refused (the text alone says that it cannot
   * be run) · `Refused`, which is recorded: migration-over-limits, and those of
   * `MigrationTrust.verdict`.
   */
  async take(
    database: DatabaseState,
    inputs: readonly MigrationInput[],
    registrant: Registrant,
  ): Promise<Taken[]> {
    const taken: Taken[] = [];
    for (const input of inputs) {
      const checksum = checksumOf(input, this.#parts.digest);
      try {
        taken.push(this.#take(database, input, checksum, registrant.identity));
      } catch (error) {
        if (error instanceof Refused)
          await this.refused(database, { ...input, checksum }, error.code, registrant.context);
        throw error;
      }
    }
    return taken;
  }

  /** The events, with the texts that they name by digest. */
  drafts(taken: readonly Taken[]): {
    readonly events: readonly EventOf<"MigrationRegistered">[];
    readonly contents: readonly Content[];
  } {
    return registrations(taken, this.#parts.digest);
  }

  #take(
    database: DatabaseState,
    input: MigrationInput,
    checksum: string,
    identity: Identity | undefined,
  ): Taken {
    const { version } = input;
    refuseCode(input, this.#parts.allowsCode);
    const dialect = this.#parts.dialects(database.engine);
    const scripts = [...this.#runnable(input, dialect), ...this.#functionsOf(input)];
    const { sqlLimits } = database.policy;
    if (sqlLimits !== undefined)
      refuseBeyond(sqlLimits, version, scripts, (sql) => dialect.classOf(sql));
    const trust = this.#parts.trust.verdict(database, { ...input, checksum }, identity);
    return { input, checksum, trust };
  }

  /** Every script must be one that can be run: the text alone already says so. */
  #runnable(input: MigrationInput, dialect: Dialect): LimitedScript[] {
    return scriptsOf(input).map(([part, script]) => {
      const analysis = dialect.analyze(script);
      const errors = analysis.findings.filter(({ severity }) => severity === "error");
      const [first] = errors;
      if (first === undefined) {
        const bytes = this.#parts.digest.utf8(script.sql).length;
        return { part, bytes, analysis };
      }
      const place = first.statement === undefined ? "" : `, statement ${first.statement}`;
      throw new InvalidInput(
        "migration-refused",
        `Version ${input.version} (${part}${place}): ${first.message}`,
        { hint: first.hint, details: { version: input.version, script: part, findings: errors } },
      );
    });
  }

  /** They are code, whatever the statements are that call them. */
  #functionsOf({ functions }: MigrationInput): LimitedScript[] {
    if (functions === undefined) return [];
    const bytes = this.#parts.digest.utf8(functions).length;
    return [{ part: "functions", bytes, analysis: { statements: [], open: true } }];
  }

  /** Records that somebody tried what is refused; often repeated, once in a while. */
  async refused(
    database: DatabaseState,
    { version, checksum }: { readonly version: string; readonly checksum: string | null },
    code: string,
    context: Context,
  ): Promise<void> {
    const { idempotency: _used, ...rest } = context;
    await this.#parts.quiet.note({
      key: `${code} ${context.actor.id} ${database.id}`,
      stream: databaseStream(database.id),
      context: rest,
      event: (repeated) => ({
        type: "MigrationRefused",
        data: {
          version,
          ...(checksum === null ? {} : { checksum }),
          code,
          ...(repeated === 0 ? {} : { repeated }),
        },
      }),
    });
  }
}

function scriptsOf(input: MigrationInput): [LimitedScript["part"], ScriptToAnalyze][] {
  const { transaction = "required", allow = {}, language } = input;
  const up = { sql: input.up, transaction, allow, language };
  const scripts: [LimitedScript["part"], ScriptToAnalyze][] = [["up", up]];
  if (input.down !== undefined) scripts.push(["down", { ...up, sql: input.down }]);
  if (input.verify !== undefined)
    scripts.push(["verify", { sql: input.verify, transaction: "required", allow, verifies: true }]);
  return scripts;
}
