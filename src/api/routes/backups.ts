import { BackupRequest } from "../dto/backup.request.ts";
import { PageQuery } from "../dto/list.query.ts";
import { pageOf } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "backups";
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
  route<object, PageQuery>({
    method: "get",
    path: BACKUPS,
    id: "listBackups",
    access: "read",
    tag,
    summary: "List a database's backups, newest first",
    query: PageQuery,
    responses: { 200: { description: "A page of backups", schema: "BackupList" } },
    handle: async ({ params, query }) => {
      const page = await pageOf(
        query,
        (asked) => services.backups.list(params["database"]!, asked),
        (backup) => backup.started.index,
        views.backup,
      );
      return { status: 200, body: page };
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
