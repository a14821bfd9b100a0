import { route, type Route } from "../route.ts";

const tag = "service";

/** The API's own description. It is made at the first request: most processes never need it. */
export const docsRoutes = (routes: () => readonly Route[]): Route[] => [
  route({
    method: "get",
    path: "/openapi.json",
    id: "getOpenApi",
    access: "read",
    reach: "nothing",
    tag,
    summary: "This API as an OpenAPI 3.1 document",
    responses: { 200: { description: "The document", schema: "OpenApi" } },
    handle: async () => {
      const { openApiDocument } = await import("../openapi/document.ts");
      return { status: 200, body: openApiDocument(routes()) };
    },
  }),
  route({
    method: "get",
    path: "/docs",
    id: "getDocs",
    access: "read",
    reach: "nothing",
    tag,
    summary: "This API as a page to read",
    responses: { 200: { description: "The page", types: ["text/html"] } },
    handle: async () => {
      const [{ openApiDocument }, { docsPage }] = await Promise.all([
        import("../openapi/document.ts"),
        import("../openapi/docs-page.ts"),
      ]);
      const text = docsPage(openApiDocument(routes()));
      return { status: 200, text, type: "text/html; charset=utf-8" };
    },
  }),
];
