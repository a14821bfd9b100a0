import { deepEqual, equal, match, ok } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { MAIN, textOf } from "../support/repository.ts";
import {
  endProcessesAfterEach,
  start,
  startService,
  type ServiceUnderTest,
} from "../support/service-process.ts";

/** Blocks that are marked `run`: they are executed one after another in one shell. */
const BLOCKS = [...textOf("README.md").matchAll(/^```bash run\n([\s\S]*?)^```$/gm)].map(
  ([, block]) => block!,
);

describe("README", function () {
  this.timeout(30_000);
  const directory = temporaryDirectory();
  afterEach(() => service.stop());
  endProcessesAfterEach();
  let service: ServiceUnderTest;

  beforeEach(async () => {
    service = await startService(directory.file("data"), directory.path);
  });

  it("shows commands that do what it says", async () => {
    ok(BLOCKS.length >= 6);
    const script = BLOCKS.map((block, i) => `echo; echo "== ${i}"\n${block}`).join("\n");
    const env = { SERVICE: service.url, DATA: directory.file("data") };
    const shell = start("bash", ["-euo", "pipefail", "-c", script], { cwd: directory.path, env });
    const { code, stdout, stderr } = await shell.ended;
    equal(code, 0, stderr + stdout);
    const said = stdout.split(/^== \d+$/m).slice(1);
    match(said[1]!, /"name":"shop".*"status":"ready"/);
    match(said[3]!, /"planDigest":"sha256:[\s\S]*"status":"failed","outcome":"untouched"/);
    match(said[3]!, /"code":"rows-lost"/);
    match(said[4]!, /"status":"succeeded","outcome":"applied"/);
    match(said[5]!, /RunCompleted/);
    match(said[5]!, /\n— \S+\/schemaledger\/\S+ /);
    match(said[5]!, /\{"ok":true,/);
  });

  it("shows commands that work without a service", async () => {
    const [, block] = /^```bash cli\n([\s\S]*?)^```$/m.exec(textOf("README.md"))!;
    const command = directory.file("schemaledger");
    writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, {
      mode: 0o755,
    });
    const env = { PATH: `${directory.path}:${process.env["PATH"]}` };
    const shell = start("bash", ["-euo", "pipefail", "-c", block!], { cwd: directory.path, env });
    const { code, stdout, stderr } = await shell.ended;
    equal(code, 0, stderr);
    match(stdout, /Dry run: nothing was changed\.\nDone: notes is at version 2 /);
    match(stdout, /^2 +done +applied /m);
    match(stdout, /RunCompleted/);
  });

  it("points to a requests.http with every endpoint, and no other", async () => {
    const headers = { authorization: `Bearer ${service.token}` };
    const answer = await fetch(`${service.url}/openapi.json`, { headers });
    const { paths } = (await answer.json()) as { paths: Record<string, object> };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const requests = [...textOf("requests.http").matchAll(/^([A-Z]+) \{\{service\}\}(\S+)$/gm)];
    const shown = requests.map(([, method, target]) => {
      const path = target!.split("?", 1)[0]!.replaceAll("{{", "{").replaceAll("}}", "}");
      const asked = `${method} ${path}`;
      // One that is written there as it is, else one whose parameters take what is written.
      return (
        routes.find((route) => route === asked) ??
        routes.find((route) => takes(route, asked)) ??
        routes.find((route) => takesTheRest(route, asked))
      );
    });
    deepEqual([...new Set(shown.map(String))].toSorted(), routes.toSorted());
  });
});

/** Whether a request is one of that route. */
const takes = (route: string, asked: string): boolean =>
  new RegExp(`^${route.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(asked);

/** The same where the last parameter takes the rest of a path. */
const takesTheRest = (route: string, asked: string): boolean =>
  takes(route.replace(/\{\w+\}$/, ".+"), asked);
