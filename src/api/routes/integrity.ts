import { CheckRequest } from "../dto/backup.request.ts";
import type { CheckState } from "../../domain/state/state.ts";
import { ChecksQuery } from "../dto/filter.query.ts";
import { pageOf } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "integrity";
const CHECKS = "/v1/databases/{database}/integrity-checks";
const CHECK = { description: "The check", schema: "Check" };

/** Integrity checks of databases. */
export const integrityRoutes = (services: Services, views: Views): Route[] => [
  route<CheckRequest, object>({
    method: "post",
    path: CHECKS,
    id: "checkIntegrity",
    access: "operate",
    tag,
    summary: "Check a database: structure, schema, markers, foreign keys",
    request: CheckRequest,
    responses: { 202: CHECK },
    handle: async ({ params, body, context }) => {
      const check = await services.integrity.request(params["database"]!, body, context);
      return views.accepted("integrity-checks", check.id, views.check(check));
    },
  }),
  route<object, ChecksQuery>({
    method: "get",
    path: CHECKS,
    id: "listChecks",
    access: "read",
    tag,
    summary: "List a database's integrity checks, newest first",
    query: ChecksQuery,
    responses: { 200: { description: "A page of checks", schema: "CheckList" } },
    handle: async ({ params, query }) => {
      const { status, level, from, to } = query;
      const filter = {
        database: params["database"]!,
        status,
        from,
        to,
        accept: (check: CheckState) => level === undefined || check.level === level,
      };
      const page = await pageOf(
        query,
        (asked) => services.lists.list("checks", filter, asked),
        (check) => check.started.index,
        views.check,
      );
      return { status: 200, body: page };
    },
  }),
  route({
    method: "get",
    path: "/v1/integrity-checks/{check}",
    id: "getCheck",
    access: "read",
    tag,
    summary: "Look at an integrity check",
    responses: { 200: CHECK },
    handle: async ({ params }) => ({
      status: 200,
      body: views.check(await services.integrity.find(params["check"]!)),
    }),
  }),
];
