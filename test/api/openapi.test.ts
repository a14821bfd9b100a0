import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openApiDocument } from "../../src/api/openapi/document.ts";
import { docsPage } from "../../src/api/openapi/docs-page.ts";
import { routesOf } from "../../src/api/routes/routes.ts";
import type { Services } from "../../src/api/services.ts";
import type { Views } from "../../src/api/views/views.ts";

const REDOCLY = fileURLToPath(
  new URL("../../../node_modules/@redocly/cli/bin/cli.js", import.meta.url),
);

// Only what the routes declare is read here: no handler is called.
const routes = routesOf({} as Services, {} as Views);
const document = openApiDocument(routes);

describe("the OpenAPI document", () => {
  it("holds every route and nothing else", () => {
    const declared = routes.map(({ method, path }) => `${method} ${path}`).toSorted();
    const documented = Object.entries(document.paths ?? {})
      .flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`))
      .toSorted();
    assert.deepEqual(documented, declared);
  });

  it("names every operation once", () => {
    assert.equal(new Set(routes.map(({ id }) => id)).size, routes.length);
  });

  it("refers to nothing that is not there", () => {
    const names = Object.keys(document.components?.schemas ?? {});
    const refs = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of refs) assert.ok(names.includes(name!), `${name} is missing`);
  });

  it("describes a request as its DTO validates it", () => {
    const schema = JSON.parse(
      JSON.stringify(document.components?.schemas?.["RegisterDatabaseRequest"]),
    );
    assert.deepEqual(schema.required, ["name", "engine", "url"]);
    assert.equal(schema.additionalProperties, false);
    assert.deepEqual(schema.properties.engine.enum, ["sqlite", "postgres"]);
    assert.equal(schema.properties.policy.$ref, "#/components/schemas/PolicyRequest");
  });

  it("describes a list in a request as a list", () => {
    const schema = JSON.parse(
      JSON.stringify(document.components?.schemas?.["RegisterMigrationsRequest"]),
    );
    assert.equal(schema.properties.migrations.type, "array");
    assert.equal(schema.properties.migrations.items.$ref, "#/components/schemas/MigrationRequest");
  });

  it("passes the linter", async function () {
    this.timeout(30_000);
    const directory = await mkdtemp(join(tmpdir(), "schemaledger-openapi-"));
    try {
      const file = join(directory, "openapi.json");
      await writeFile(file, JSON.stringify(document));
      await lint(directory, file);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it("becomes a page that loads nothing and runs nothing", () => {
    const page = docsPage(document);
    assert.ok(!/<script|<link|<img|https?:\/\//.test(page));
    for (const { id } of routes) assert.ok(page.includes(`id="${id}"`));
  });
});

function lint(cwd: string, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      REDOCLY_TELEMETRY: "off",
      REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
    };
    const args = [REDOCLY, "lint", "--extends=recommended", "--format=stylish", file];
    execFile(process.execPath, args, { cwd, env }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`${stdout}\n${stderr}`));
    });
  });
}
