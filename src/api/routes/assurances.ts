import type { AssuranceKind } from "../../domain/assurance/assurance.ts";
import { AssuranceRequest } from "../dto/assurance.request.ts";
import { PageQuery, WaitQuery } from "../dto/list.query.ts";
import { pageOf } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";
import { whenAborted } from "../when-aborted.ts";

const tag = "backups";

/** Shows that backups can be relied on: scrubs and restore drills. */
export const assuranceRoutes = (services: Services, views: Views): Route[] => [
  ...routesOf(services, views, {
    kind: "scrub",
    name: "Scrub",
    summary: "Read every backup of a database again and compare it",
  }),
  ...routesOf(services, views, {
    kind: "drill",
    name: "Drill",
    summary: "Restore the newest verified backup to scratch and examine it as a database",
  }),
];

interface Kind {
  readonly kind: AssuranceKind;
  readonly name: "Scrub" | "Drill";
  readonly summary: string;
}

function routesOf(
  { assurance, stopping }: Services,
  views: Views,
  { kind, name, summary }: Kind,
): Route[] {
  const path = `/v1/databases/{database}/${kind}s`;
  const schema = { description: `The ${kind}`, schema: name };
  return [
    route<AssuranceRequest, object>({
      method: "post",
      path,
      id: `start${name}`,
      access: "operate",
      tag,
      summary,
      request: AssuranceRequest,
      responses: { 202: schema },
      handle: async ({ params, body, context }) => {
        const begun = await assurance.request(kind, params["database"]!, body, context);
        return views.accepted(`${kind}s`, begun.id, views.assurance(begun));
      },
    }),
    route<object, PageQuery>({
      method: "get",
      path,
      id: `list${name}s`,
      access: "read",
      tag,
      summary: `List a database's ${kind}s, newest first`,
      query: PageQuery,
      responses: { 200: { description: `A page of ${kind}s`, schema: `${name}List` } },
      handle: async ({ params, query }) => {
        const page = await pageOf(
          query,
          (asked) => assurance.list(kind, params["database"]!, asked),
          ({ requested }) => requested.index,
          views.assurance,
        );
        return { status: 200, body: page };
      },
    }),
    route<object, WaitQuery>({
      method: "get",
      path: `/v1/${kind}s/{${kind}}`,
      id: `get${name}`,
      access: "read",
      tag,
      summary: `Look at a ${kind}; \`wait\` holds the answer until it has ended`,
      query: WaitQuery,
      responses: { 200: schema },
      handle: async ({ params, query: { wait = 0 } }) => {
        const found = await assurance.find(kind, params[kind]!);
        if (wait > 0 && found.ended === null)
          await Promise.race([assurance.waitForEnd(found, wait * 1000), whenAborted(stopping)]);
        return { status: 200, body: views.assurance(found) };
      },
    }),
  ];
}
