import type {
  OpenAPIObject,
  OperationObject,
  ParameterObject,
  SchemaObject,
} from "openapi3-ts/oas31";

const METHODS = ["get", "post", "patch", "delete"] as const;

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code{font-family:ui-monospace,monospace;font-size:.92em}
h2{margin-top:3rem;border-bottom:1px solid var(--line)}
section{border:1px solid var(--line);border-radius:.5rem;padding:.2rem 1rem 1rem;margin:1rem 0}
h3{font-size:1rem}h3 b{text-transform:uppercase;display:inline-block;min-width:4.5rem}
table{border-collapse:collapse;width:100%;font-size:.92em}
td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-top:1px solid var(--line)}
th{background:var(--soft)}nav ul{columns:2;padding-left:1.2rem}nav li{overflow-wrap:anywhere}a{color:inherit}`;

/** The document as one readable page, complete in itself: no script, nothing loaded. */
export function docsPage(document: OpenAPIObject): string {
  const { info, tags = [], paths = {} } = document;
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    }),
  );
  const parts = tags.map(({ name, description = "" }) => {
    const own = operations.filter(({ operation }) => operation.tags?.includes(name) ?? false);
    const sections = own.map((one) => section(one)).join("");
    return `<h2 id="${escape(name)}">${escape(name)}</h2><p>${escape(description)}</p>${sections}`;
  });
  const links = operations.map(
    ({ path, method, operation: { operationId = "" } }) =>
      `<li><a href="#${escape(operationId)}"><code>${method.toUpperCase()} ${escape(path)}</code></a></li>`,
  );
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(info.title)}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>` +
    `<h1>${escape(info.title)} ${escape(info.version)}</h1><p>${words(info.description ?? "")}</p>` +
    `<nav><ul>${links.join("")}</ul></nav>${parts.join("")}<h2 id="schemas">Schemas</h2>` +
    `${schemas(document)}</body></html>`
  );
}

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: OperationObject;
}

function section({ path, method, operation }: Operation): string {
  const { operationId = "", summary = "", description = "", parameters = [] } = operation;
  return (
    `<section id="${escape(operationId)}"><h3><b>${method}</b> <code>${escape(path)}</code></h3>` +
    `<p><strong>${escape(summary)}</strong></p><p>${words(description)}</p>` +
    parameterTable(parameters as ParameterObject[]) +
    body(operation) +
    `<table><tr><th>Answer</th><th></th></tr>${answers(operation)}</table></section>`
  );
}

function parameterTable(parameters: readonly ParameterObject[]): string {
  if (parameters.length === 0) return "";
  const rows = parameters.map(
    (one) =>
      `<tr><td><code>${escape(one.name)}</code></td><td>${escape(one.in)}</td>` +
      `<td>${words(one.description ?? "")} ${one.schema === undefined ? "" : shape(one.schema as SchemaObject)}</td></tr>`,
  );
  return `<table><tr><th>Parameter</th><th>in</th><th></th></tr>${rows.join("")}</table>`;
}

function body({ requestBody }: OperationObject): string {
  if (requestBody === undefined || !("content" in requestBody)) return "";
  const schema = requestBody.content["application/json"]?.schema;
  return schema === undefined ? "" : `<p>Body: ${shape(schema as SchemaObject)}</p>`;
}

function answers({ responses = {} }: OperationObject): string {
  const entries = Object.entries(responses) as [
    string,
    { description: string; content?: object },
  ][];
  return entries
    .map(([status, { description, content = {} }]) => {
      const types = Object.entries(content as { [type: string]: { schema?: SchemaObject } }).map(
        ([type, { schema }]) =>
          `<code>${escape(type)}</code> ${schema === undefined ? "" : shape(schema)}`,
      );
      return `<tr><td>${escape(status)}</td><td>${words(description)}<br>${types.join("<br>")}</td></tr>`;
    })
    .join("");
}

function schemas({ components }: OpenAPIObject): string {
  return Object.entries(components?.schemas ?? {})
    .map(([name, schema]) => {
      const { properties = {}, required = [] } = schema as SchemaObject;
      const rows = Object.entries(properties).map(
        ([property, of]) =>
          `<tr><td><code>${escape(property)}</code>${required.includes(property) ? "" : " (optional)"}</td>` +
          `<td>${shape(of as SchemaObject)}</td>` +
          `<td>${words((of as SchemaObject).description ?? "")}</td></tr>`,
      );
      return (
        `<section id="schema-${escape(name)}"><h3>${escape(name)}</h3>` +
        `<table>${rows.join("")}</table></section>`
      );
    })
    .join("");
}

/** A schema in a few words, with links to named ones. */
function shape(schema: SchemaObject | { readonly $ref: string }): string {
  if ("$ref" in schema) {
    const name = schema.$ref!.split("/").at(-1)!;
    return `<a href="#schema-${escape(name)}">${escape(name)}</a>`;
  }
  const { type, enum: values, items, oneOf, pattern } = schema;
  if (values !== undefined)
    return values.map((value) => `<code>${escape(String(value))}</code>`).join(" | ");
  if (oneOf !== undefined) return oneOf.map((one) => shape(one as SchemaObject)).join(" or ");
  if (items !== undefined) return `list of ${shape(items as SchemaObject)}`;
  const named = [type ?? []].flat().join(" or ");
  return pattern === undefined ? escape(named) : `${escape(named)} <code>${escape(pattern)}</code>`;
}

/** Text with `code` in back quotes. */
const words = (text: string): string =>
  escape(text)
    .replaceAll(/`([^`]+)`/g, "<code>$1</code>")
    .replaceAll("\n\n", "<br>");

const ENTITIES: { readonly [char: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char]!);
