import { BackupRequest, RestoreRequest } from "../dto/backup.request.ts";
import { PageQuery } from "../dto/list.query.ts";
import { pageOf } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "backups";
const BACKUPS = "/v1/databases/{database}/backups";
const RESTORES = "/v1/databases/{database}/restores";
const BACKUP = { description: "The backup", schema: "Backup" };
const RESTORE = { description: "The restore", schema: "Restore" };

/** Backups: take, verify, bring back. */
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
  route<RestoreRequest, object>({
    method: "post",
    path: RESTORES,
    id: "restoreBackup",
    access: "operate",
    tag,
    summary: "Bring a backup back; the present state is backed up first",
    request: RestoreRequest,
    responses: { 202: RESTORE },
    handle: async ({ params, body, context }) => {
      const restore = await services.restores.request(params["database"]!, body, context);
      return views.accepted("restores", restore.id, views.restore(restore));
    },
  }),
  route<object, PageQuery>({
    method: "get",
    path: RESTORES,
    id: "listRestores",
    access: "read",
    tag,
    summary: "List a database's restores, newest first",
    query: PageQuery,
    responses: { 200: { description: "A page of restores", schema: "RestoreList" } },
    handle: async ({ params, query }) => {
      const page = await pageOf(
        query,
        (asked) => services.restores.list(params["database"]!, asked),
        (restore) => restore.requested.index,
        views.restore,
      );
      return { status: 200, body: page };
    },
  }),
  route({
    method: "get",
    path: "/v1/restores/{restore}",
    id: "getRestore",
    access: "read",
    tag,
    summary: "Look at a restore",
    responses: { 200: RESTORE },
    handle: async ({ params }) => ({
      status: 200,
      body: views.restore(await services.restores.find(params["restore"]!)),
    }),
  }),
];
