import { deepEqual, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { personalMembers } from "../../src/domain/erasure/personal-members.ts";
import { EVENT_VERSIONS, type EventType } from "../../src/domain/events.ts";
import { eventShapes } from "../support/event-shapes.ts";
import { codesInSources, statusesInSources } from "../support/problem-codes.ts";
import { filesIn, ROOT, textOf } from "../support/repository.ts";

const PAGES = filesIn("", ".md");

describe("documentation", () => {
  it("has no link that leads nowhere", () => {
    const broken = PAGES.flatMap((page) => linksOf(page).filter((link) => !resolves(page, link)));
    deepEqual(broken, []);
    ok(PAGES.flatMap(linksOf).length > 30);
  });

  it("promises in README only npm scripts that exist", () => {
    const readme = textOf("README.md");
    const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
    for (const command of ["npm ci && npm run demo", "npm ci && npm test"])
      ok(readme.includes(`\n\`\`\`\n${command}\n\`\`\`\n`), `${command} has no block of its own`);
    for (const page of PAGES)
      for (const [, name] of textOf(page).matchAll(/\bnpm run ([a-z:]+)/g))
        ok(scripts[name!] !== undefined, `${page} names npm run ${name}`);
    for (const name of ["test", "start"]) ok(scripts[name] !== undefined);
  });

  it("names in ARCHITECTURE only paths that exist", () => {
    const paths = [...textOf("ARCHITECTURE.md").matchAll(/`((?:src|test|docs)\/[\w./-]*)`/g)].map(
      ([, path]) => path!,
    );
    deepEqual(
      paths.filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
    ok(paths.length > 30);
  });

  it("names no line of a file and no decision record longer than 40 lines", () => {
    for (const page of PAGES) ok(!/\.ts:\d/.test(textOf(page)), page);
    for (const record of PAGES.filter((page) => page.startsWith("docs/adr/")))
      ok(textOf(record).split("\n").length <= 41, record);
  });
});

describe("docs/reference/personal-data.md", () => {
  it("names every event with sealed members, and these", () => {
    const rows = [
      ...textOf("docs/reference/personal-data.md").matchAll(/^\| (`[A-Z].*?) \| (.*?) \|/gm),
    ];
    const named = rows.flatMap(([, types, members]) =>
      codeWords(types!).map((type) => `${type}: ${codeWords(members!).join()}`),
    );
    const sealed = Object.keys(EVENT_VERSIONS).flatMap((type) => {
      const members = personalMembers(type as EventType);
      return members.length === 0 ? [] : [`${type}: ${members.join()}`];
    });
    deepEqual(named.toSorted(), sealed.toSorted());
  });
});

describe("docs/reference/reports.md", () => {
  it("names every kind of exception that the sources name outright", () => {
    const sources = filesIn("src/domain/audit/report", ".ts").map(textOf).join("\n");
    const noted = /\b(?:note|exceptionOf)\(\s*(?:event, |asked, )?"([a-z-]+)"/g;
    const kinds = new Set([...sources.matchAll(noted)].map(([, kind]) => kind!));
    ok(kinds.size > 40, `${kinds.size} kinds`);
    const named = new Set(codeWords(textOf("docs/reference/reports.md")));
    deepEqual(
      [...kinds].filter((kind) => !named.has(kind)),
      [],
    );
  });
});

describe("docs/reference/events.md", () => {
  const rows = rowsOf("docs/reference/events.md");

  it("has every event type, and no other", () => {
    const types = rows.map(([type]) => type).toSorted();
    deepEqual(types, Object.keys(EVENT_VERSIONS).toSorted());
  });

  it("names the members of each type's data as declared", () => {
    const shapes = eventShapes();
    deepEqual([...shapes.keys()].toSorted(), Object.keys(EVENT_VERSIONS).toSorted());
    for (const [type, data] of rows) {
      const members = data === "as `StepApplied`" ? shapes.get("StepApplied") : codeWords(data);
      deepEqual(members?.toSorted(), shapes.get(type)?.toSorted(), type);
    }
  });
});

describe("docs/reference/problems.md", () => {
  const page = textOf("docs/reference/problems.md");
  const both = page + textOf("docs/reference/alerts.md");
  const documented = new Set(both.match(/`[a-z0-9-]+`/g)?.map((word) => word.slice(1, -1)));

  it("has every code of the sources", () => {
    deepEqual([...codesInSources()].filter((code) => !documented.has(code)).toSorted(), []);
  });

  it("has no code that the sources lack", () => {
    const known = codesInSources();
    const listed = [...codesOfTables(page).keys()];
    deepEqual(listed.filter((code) => !known.has(code)).toSorted(), []);
    ok(listed.length > 120);
  });

  it("is completed by alerts.md, which has only codes of the rules", () => {
    const known = codesInSources();
    const listed = [...textOf("docs/reference/alerts.md").matchAll(/^\| `([a-z-]+)`/gm)].map(
      ([, code]) => code!,
    );
    deepEqual(listed.filter((code) => !known.has(code)).toSorted(), []);
    ok(listed.length > 15);
  });

  it("gives a status only where an error of that code has it", () => {
    const known = statusesInSources();
    for (const [code, statuses] of codesOfTables(page))
      for (const status of statuses) {
        const possible = [...(known.get(code) ?? []), ...(EXTRA[code] ?? [])];
        ok(possible.includes(status), `${code} ${status}`);
      }
  });
});

/**
 * Statuses that are given elsewhere than where the error is made: by a class of its own, out of a table, or by a
 * registration, which answers the engine's complaints as a fault of the request.
 */
const EXTRA: { readonly [code: string]: readonly number[] } = {
  forbidden: [403],
  "invalid-request": [400],
  internal: [500],
  "fold-contradiction": [500],
  "unknown-event-version": [503],
  "expected-version-conflict": [409],
  "malformed-request": [400],
  "headers-too-large": [431],
  "request-timeout": [408],
  "database-locked": [400],
  "not-a-database": [400],
  "database-damaged": [400],
  "reserved-name": [400],
  "database-read-only": [400],
  "io-error": [400],
  "engine-error": [400],
  // Each kind of what needs consent has its own (governance/words.ts).
  "run-not-ended": [409],
  "restore-not-ended": [409],
  "policy-change-not-ended": [409],
  "restore-started": [409],
};

/** Codes in the first column of the tables with their statuses. */
function codesOfTables(page: string): Map<string, number[]> {
  const codes = new Map<string, number[]>();
  for (const line of page.split("\n")) {
    const [, first, status] = /^\| (`[^|]+`) \| ([\d, –]+) \|/.exec(line) ?? [];
    if (first === undefined || status === undefined) continue;
    for (const code of codeWords(first)) codes.set(code, (status.match(/\d+/g) ?? []).map(Number));
  }
  return codes;
}

/** First two cells of the rows whose first cell is code. */
function rowsOf(path: string): [first: string, second: string][] {
  return [...textOf(path).matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)].map(([, first, second]) => [
    first!,
    second!.trim(),
  ]);
}

const codeWords = (cell: string): string[] =>
  (cell.match(/`[^`]+`/g) ?? []).map((word) => word.slice(1, -1));

/** Targets of the links outside code blocks, without those that lead out of the repository. */
function linksOf(page: string): string[] {
  const prose = textOf(page).replaceAll(/^```[\s\S]*?^```/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target));
}

function resolves(page: string, link: string): boolean {
  const [path, anchor] = link.split("#", 2);
  const target = path === "" ? page : join(dirname(page), path!);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(target).has(anchor);
}

const anchorsOf = (page: string): Set<string> =>
  new Set(
    [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, "")
        .replaceAll(/\s/g, "-"),
    ),
  );
