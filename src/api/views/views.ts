import type { WholeAnswer } from "../route.ts";
import type { Services } from "../services.ts";
import { KeyIndex } from "../auth/key-index.ts";
import { alertTargetView } from "./alert-view.ts";
import { assuranceView } from "./assurance-view.ts";
import { backupView, restoreView } from "./backup-view.ts";
import { checkView } from "./check-view.ts";
import { databaseView } from "./database-view.ts";
import { EventWriter } from "./event-view.ts";
import { keyView } from "./key-view.ts";
import { migrationView } from "./migration-view.ts";
import { Names } from "./names.ts";
import { recoveryView } from "./recovery-view.ts";
import { holdView, pruneView } from "./retention-view.ts";
import { runView } from "./run-view.ts";
import { policyChangeView } from "./undertaking-view.ts";
import { scheduleView } from "./schedule-view.ts";

/** Every view over one projection, and the answers that begin with them. */
export class Views {
  readonly keys: KeyIndex;
  readonly names: Names;
  readonly events: EventWriter;
  readonly #projection: Services["projection"];

  constructor({ projection, actors, texts }: Pick<Services, "projection" | "actors" | "texts">) {
    this.#projection = projection;
    this.keys = new KeyIndex(projection);
    this.names = new Names(projection, this.keys, actors, texts);
    this.events = new EventWriter(projection, this.names);
  }

  readonly database = (database: Parameters<typeof databaseView>[0]): object =>
    this.names.open(databaseView(database, this.#projection.state));
  readonly migration = (migration: Parameters<typeof migrationView>[0]): object =>
    this.names.open(migrationView(migration, this.names));
  readonly run = (run: Parameters<typeof runView>[0]): object =>
    this.names.open(runView(run, this.names));
  readonly backup = (backup: Parameters<typeof backupView>[0]): object =>
    backupView(backup, this.names);
  readonly restore = (restore: Parameters<typeof restoreView>[0]): object =>
    this.names.open(restoreView(restore, this.names));
  readonly policyChange = (change: Parameters<typeof policyChangeView>[0]): object =>
    this.names.open(policyChangeView(change, this.names));
  readonly check = (check: Parameters<typeof checkView>[0]): object => checkView(check, this.names);
  readonly recovery = (recovery: Parameters<typeof recoveryView>[0]): object =>
    this.names.open(recoveryView(recovery, this.names));
  readonly assurance = (assurance: Parameters<typeof assuranceView>[0]): object =>
    this.names.open(assuranceView(assurance, this.names));
  readonly prune = (prune: Parameters<typeof pruneView>[0]): object =>
    this.names.open(pruneView(prune, this.names));
  readonly hold = (hold: Parameters<typeof holdView>[0]): object =>
    this.names.open(holdView(hold, this.names));
  readonly schedule = (one: Parameters<typeof scheduleView>[0]): object =>
    scheduleView(one, this.names);
  readonly alertTarget = (target: Parameters<typeof alertTargetView>[0]): object =>
    alertTargetView(target, this.names);
  readonly key = (key: Parameters<typeof keyView>[0]): object =>
    this.names.open(keyView(key, this.names));

  /** 202 with the resource and where to follow it. */
  readonly accepted = (place: string, id: string, body: object): WholeAnswer => ({
    status: 202,
    body,
    headers: { Location: `/v1/${place}/${id}` },
  });

  /** 201 with the resource and where it is. */
  readonly created = (place: string, name: string, body: object): WholeAnswer => ({
    status: 201,
    body,
    headers: { Location: `/v1/${place}/${name}` },
  });
}
