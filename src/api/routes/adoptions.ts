import type { AdoptionOrder } from "../../domain/adoption/adoption-reader.ts";
import { databaseStream } from "../../domain/events.ts";
import { InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import { MIGRATIONS_BODY_LIMIT } from "../body.ts";
import { AdoptionRequest } from "../dto/adoption.request.ts";
import { adoptionOrder } from "./adoption-order.ts";
import { wholePage } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import { adoptionView, historyView, recordedAdoptionView } from "../views/adoption-view.ts";
import type { Views } from "../views/views.ts";

const tag = "migrations";
const ADOPTIONS = "/v1/databases/{database}/adoptions";

/** Adoptions: take over what another migration tool has recorded. */
export const adoptionRoutes = (services: Services, views: Views): Route[] => [
  route<AdoptionRequest, object>({
    method: "post",
    path: ADOPTIONS,
    id: "adoptHistory",
    access: "administer",
    tag,
    summary: "Take over the history that another migration tool keeps in the database",
    description:
      "Nothing is written into the database, and nothing is executed. What the history leaves open (failed, dirty, diverged) is answered with 409 adoption-undecided and what to decide.",
    request: AdoptionRequest,
    bodyLimit: MIGRATIONS_BODY_LIMIT,
    responses: {
      200: { description: "What would be recorded, or that nothing is new", schema: "Adoption" },
      202: { description: "What was recorded", schema: "Adoption" },
    },
    handle: async ({ params, body, context }) => {
      const { adoptions, databases } = services;
      const { id, name } = databases.find(params["database"]!);
      const order = await orderOf(services, body);
      const dryRun = body.dryRun === true;
      const result = dryRun
        ? await adoptions.preview(id, order)
        : await adoptions.adopt(id, order, context);
      const view = adoptionView(databases.find(id), result, dryRun);
      if (dryRun || result.outcome !== "adopted") return { status: 200, body: view };
      return views.accepted(`databases/${name}/adoptions`, result.adoption.id, view);
    },
  }),
  route({
    method: "get",
    path: ADOPTIONS,
    id: "listAdoptions",
    access: "read",
    tag,
    summary: "List the histories of other tools that were taken over, each as it was read last",
    responses: { 200: { description: "All of them", schema: "AdoptedHistoryList" } },
    handle: ({ params }) => {
      const { histories } = services.databases.find(params["database"]!);
      const items = [...histories.values()].map((history) => historyView(history, views.names));
      return { status: 200, body: wholePage(items) };
    },
  }),
  route({
    method: "get",
    path: `${ADOPTIONS}/{adoption}`,
    id: "getAdoption",
    access: "read",
    tag,
    summary: "Look at an adoption: every row as it was found, with what the ledger makes of it",
    responses: { 200: { description: "The adoption", schema: "Adoption" } },
    handle: async ({ params }) => {
      const database = services.databases.find(params["database"]!);
      const adoptionId = params["adoption"]!;
      const events = await services.ledger.read({
        stream: databaseStream(database.id),
        types: ["HistoryImported", "MigrationAdopted", "SchemaBaselined"],
        correlation: adoptionId,
        limit: MOST_ROWS,
        order: "asc",
      });
      if (events.length === 0)
        throw new NotFound("adoption-not-found", `There is no adoption ${adoptionId}`, {
          hint: `GET /v1/databases/${database.name}/adoptions lists them`,
        });
      return {
        status: 200,
        body: recordedAdoptionView(database, adoptionId, events, views.names),
      };
    },
  }),
];

/** No tool's history is larger, with what follows from it. */
const MOST_ROWS = 250_000;

async function orderOf({ folderFiles }: Services, body: AdoptionRequest): Promise<AdoptionOrder> {
  const { migrationsDir, format, migrations } = body;
  if (migrations !== undefined && migrationsDir !== undefined)
    throw new InvalidInput("files-given-twice", "Give migrations or migrationsDir, not both");
  if (migrationsDir === undefined) return adoptionOrder(body);
  return adoptionOrder(body, await folderFiles(migrationsDir, format));
}
