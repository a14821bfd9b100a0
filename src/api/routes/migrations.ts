import { MIGRATIONS_BODY_LIMIT } from "../body.ts";
import {
  AcceptanceRequest,
  RegisterMigrationsRequest,
} from "../dto/register-migrations.request.ts";
import { PlanRequest, WithdrawalRequest } from "../dto/run.request.ts";
import { wholePage } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "migrations";
const MIGRATIONS = "/v1/databases/{database}/migrations";

/** Migrations: register them, list them, plan what they would do. */
export const migrationRoutes = (services: Services, views: Views): Route[] => [
  route<RegisterMigrationsRequest, object>({
    method: "post",
    path: MIGRATIONS,
    id: "registerMigrations",
    access: "operate",
    tag,
    summary: "Register migrations; the same ones again change nothing",
    request: RegisterMigrationsRequest,
    bodyLimit: MIGRATIONS_BODY_LIMIT,
    responses: {
      200: { description: "All were registered before", schema: "MigrationList" },
      201: { description: "The migrations", schema: "MigrationList" },
    },
    handle: async ({ params, body, context, identity }) => {
      const name = params["database"]!;
      const registrant = { context, identity };
      const { items, created } = await services.migrations.register(
        name,
        body.migrations,
        registrant,
      );
      return { status: created ? 201 : 200, body: wholePage(items.map(views.migration)) };
    },
  }),
  route({
    method: "get",
    path: MIGRATIONS,
    id: "listMigrations",
    access: "read",
    tag,
    summary: "List a database's migrations in version order",
    responses: { 200: { description: "All migrations", schema: "MigrationList" } },
    handle: ({ params }) => ({
      status: 200,
      body: wholePage(services.migrations.list(params["database"]!).map(views.migration)),
    }),
  }),
  route<WithdrawalRequest, object>({
    method: "post",
    path: `${MIGRATIONS}/{version}/withdrawals`,
    id: "withdrawMigration",
    access: "operate",
    tag,
    summary: "Give up a migration that is not applied; its version may be registered anew",
    request: WithdrawalRequest,
    responses: { 200: { description: "The migration given up", schema: "Migration" } },
    handle: async ({ params, body, context }) => {
      const { database, version } = params as { database: string; version: string };
      const { reason } = body;
      const given = await services.migrations.withdraw(database, version, reason, context);
      return { status: 200, body: views.migration(given) };
    },
  }),
  route<AcceptanceRequest, object>({
    method: "post",
    path: `${MIGRATIONS}/{version}/acceptances`,
    id: "acceptDeviation",
    access: "operate",
    tag,
    summary: "Accept that a migration was edited, comes late or lost its files; with a reason",
    request: AcceptanceRequest,
    bodyLimit: MIGRATIONS_BODY_LIMIT,
    responses: { 200: { description: "The migration as it is now", schema: "Migration" } },
    handle: async ({ params, body, context, identity }) => {
      const { database, version } = params as { database: string; version: string };
      const registrant = { context, identity };
      const accepted = await services.deviations.accept(database, version, body, registrant);
      return { status: 200, body: views.migration(accepted) };
    },
  }),
  route<PlanRequest, object>({
    method: "post",
    path: "/v1/databases/{database}/plans",
    id: "planRun",
    access: "operate",
    tag,
    summary: "Plan the way to a version; nothing is executed",
    request: PlanRequest,
    responses: { 201: { description: "The plan", schema: "Plan" } },
    handle: async ({ params, body }) => ({
      status: 201,
      body: await services.migrations.plan(params["database"]!, body.to),
    }),
  }),
];
