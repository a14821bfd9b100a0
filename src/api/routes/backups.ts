import { BackupRequest } from "../dto/backup.request.ts";
import { metricsOf } from "../../domain/backup/backup-metrics.ts";
import type { BackupState } from "../../domain/state/state.ts";
import { BackupMetricsQuery, BackupsQuery } from "../dto/filter.query.ts";
import { pageOf } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "backups";
/** Backups that are summed up; the newest. */
const MOST_SUMMED = 100_000;
const BACKUPS = "/v1/databases/{database}/backups";
const BACKUP = { description: "The backup", schema: "Backup" };

/** Backups: take and verify. */
export const backupRoutes = (services: Services, views: Views): Route[] => [
  route<BackupRequest, object>({
    method: "post",
    path: BACKUPS,
    id: "takeBackup",
    access: "operate",
    tag,
    summary: "Take a backup and verify it",
    request: BackupRequest,
    responses: { 202: BACKUP },
    handle: async ({ params, body, context }) => {
      const backup = await services.backups.request(params["database"]!, body, context);
      return views.accepted("backups", backup.id, views.backup(backup));
    },
  }),
  route<object, BackupsQuery>({
    method: "get",
    path: BACKUPS,
    id: "listBackups",
    access: "read",
    tag,
    summary: "List a database's backups, newest first",
    query: BackupsQuery,
    responses: { 200: { description: "A page of backups", schema: "BackupList" } },
    handle: async ({ params, query }) => {
      const { kind, purpose, status, from, to } = query;
      const filter = {
        database: params["database"]!,
        status,
        from,
        to,
        accept: (backup: BackupState) =>
          (kind === undefined || backup.kind === kind) &&
          (purpose === undefined || backup.purpose === purpose),
      };
      const page = await pageOf(
        query,
        (asked) => services.lists.list("backups", filter, asked),
        (backup) => backup.started.index,
        views.backup,
      );
      return { status: 200, body: page };
    },
  }),
  route<object, BackupMetricsQuery>({
    method: "get",
    path: "/v1/backup-metrics",
    id: "getBackupMetrics",
    access: "read",
    tag,
    summary: "Sum backups up: how many, how large, how long, how well shared, when last verified",
    query: BackupMetricsQuery,
    responses: { 200: { description: "The sums", schema: "BackupMetrics" } },
    handle: async ({ query }) => {
      const backups = await services.lists.list("backups", query, { limit: MOST_SUMMED });
      const database = query.database ?? null;
      return { status: 200, body: { database, ...metricsOf(backups) } };
    },
  }),
  route({
    method: "get",
    path: "/v1/backups/{backup}",
    id: "getBackup",
    access: "read",
    tag,
    summary: "Look at a backup",
    responses: { 200: BACKUP },
    handle: async ({ params }) => ({
      status: 200,
      body: views.backup(await services.backups.find(params["backup"]!)),
    }),
  }),
  route({
    method: "post",
    path: "/v1/backups/{backup}/verifications",
    id: "verifyBackup",
    access: "operate",
    tag,
    summary: "Restore a backup to a scratch place and compare it with its record",
    responses: { 202: BACKUP },
    handle: async ({ params, context }) => {
      const backup = await services.backups.requestVerification(params["backup"]!, context);
      return views.accepted("backups", backup.id, views.backup(backup));
    },
  }),
];
