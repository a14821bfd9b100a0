import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { ROOT, textOf } from "../support/repository.ts";

const UNIT = "ops/systemd/schemaledger.service";
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
const LONG = process.env["SCHEMALEDGER_CHAOS"] === "long";
/** Of 10: what `systemd-analyze security` gives services that are shut in well. */
const MAX_EXPOSURE = 20;

describe("The systemd unit", () => {
  it("starts the program with the settings that are documented", () => {
    const unit = textOf(UNIT);
    match(unit, /^ExecStart=\S+ \S+\/dist\/src\/cli\/main\.js serve --config \S+$/m);
    for (const [, name] of unit.matchAll(/^Environment=(SCHEMALEDGER_\w+)=/gm))
      ok(textOf("docs/reference/config.md").includes(`\`${name}\``), name);
    match(unit, /^RestartPreventExitStatus=2 5$/m);
    // Longer than a step may take to end when the service stops.
    ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1]) > 20 + 10);
  });

  it("is taken by systemd, and shuts the service in", function () {
    if (!hasSystemd) this.skip();
    const directory = mkdtempSync(join(tmpdir(), "schemaledger-unit-"));
    const file = join(directory, "schemaledger.service");
    // The program is not installed there on this machine.
    writeFileSync(file, textOf(UNIT).replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"));
    try {
      const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", file], {
        encoding: "utf8",
      });
      const said = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("schemaledger"));
      deepEqual(said, []);
      equal(status, 0, stderr);
      const limit = `--threshold=${MAX_EXPOSURE}`;
      const security = spawnSync("systemd-analyze", ["security", "--offline=true", limit, file], {
        encoding: "utf8",
      });
      equal(security.status, 0, security.stdout.split("\n").at(-2));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("The Dockerfile", () => {
  const lines = textOf("ops/docker/Dockerfile")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const instructions = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));

  it("consists of instructions that there are", () => {
    const known = new Set(
      "FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD".split(
        " ",
      ),
    );
    for (const line of lines)
      ok(line.startsWith(" ") || known.has(line.split(" ")[0]!), line.slice(0, 60));
  });

  it("copies what is there, and builds with everything that the build reads", () => {
    const copied = instructions("COPY")
      .filter((line) => !line.startsWith("--from"))
      .flatMap((line) => line.split(" ").slice(0, -1));
    for (const path of copied) ok(existsSync(join(ROOT, path)), path);
    for (const path of ["package-lock.json", "tsconfig.base.json", "build", "src"])
      ok(copied.includes(path), path);
  });

  it("builds a program that starts, in a directory with nothing but what is copied", function () {
    if (!LONG) this.skip();
    this.timeout(600_000);
    const directory = mkdtempSync(join(tmpdir(), "schemaledger-image-"));
    try {
      const stage = lines.slice(
        0,
        lines.findLastIndex((line) => line.startsWith("FROM ")),
      );
      for (const line of stage) {
        const [, instruction, rest] = /^(\w+) (.*)$/.exec(line)!;
        if (instruction === "RUN") execFileSync("sh", ["-ec", rest!], { cwd: directory });
        if (instruction !== "COPY") continue;
        for (const path of rest!.split(" ").slice(0, -1))
          cpSync(join(ROOT, path), join(directory, path), { recursive: true });
      }
      const main = join(directory, "dist/src/cli/main.js");
      const { stdout, stderr } = spawnSync(process.execPath, [main, "doctor", "--json"], {
        cwd: directory,
        encoding: "utf8",
      });
      match(stdout, /"node"/, stderr);
      ok(!existsSync(join(directory, "dist/test")));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("runs as a user of its own, gets signals itself, and is told settings that there are", () => {
    match(instructions("USER").at(-1)!, /^[1-9]\d*:[1-9]\d*$/);
    for (const name of ["ENTRYPOINT", "CMD"])
      ok(Array.isArray(JSON.parse(instructions(name).at(-1)!)), name);
    for (const [, name] of lines.join("\n").matchAll(/\b(SCHEMALEDGER_\w+)=/g))
      ok(textOf("docs/reference/config.md").includes(`\`${name}\``), name);
  });

  it("has the Node that the package asks for", () => {
    const { engines } = JSON.parse(textOf("package.json")) as { engines: { node: string } };
    const least = Number(/\d+/.exec(engines.node)![0]);
    for (const image of instructions("FROM"))
      ok(Number(/^node:(\d+)/.exec(image)![1]) >= least, image);
  });

  it("has a health check that runs", () => {
    const check = /CMD (\[.*\])$/.exec(instructions("HEALTHCHECK")[0]!)![1]!;
    const [node, ...args] = JSON.parse(check) as string[];
    equal(node, "node");
    // Nothing listens there: it must end, and say so.
    const env = { ...process.env, SCHEMALEDGER_PORT: "9" };
    equal(spawnSync(process.execPath, args, { env, timeout: 20_000 }).status, 1);
    ok(execFileSync(process.execPath, ["--version"]).length > 0);
  });
});

interface Mount {
  readonly name: string;
  readonly mountPath: string;
}

describe("The manifests for several services", () => {
  const compose = parse(textOf("ops/compose/compose.yaml")) as {
    readonly services: {
      readonly [name: string]: {
        readonly environment?: { readonly [name: string]: string };
        readonly secrets?: readonly string[];
        readonly volumes?: readonly string[];
        readonly depends_on?: object;
        readonly build?: { readonly dockerfile: string };
      };
    };
    readonly volumes: object;
    readonly secrets: object;
  };
  const objects = parseAllDocuments(textOf("ops/kubernetes/schemaledger.yaml")).map((document) => {
    deepEqual(document.errors, []);
    return document.toJS() as { kind: string; metadata: { name: string; labels: object } };
  });
  const kind = <T>(name: string): T => objects.find((object) => object.kind === name) as T;
  const settings = textOf("docs/reference/config.md");
  const isSetting = (name: string): boolean =>
    settings.includes(`\`${name}\``) || /^(PG|AWS_|POSTGRES_)/.test(name);

  it("for one machine refer to what there is", () => {
    const { services, volumes, secrets } = compose;
    for (const [name, service] of Object.entries(services)) {
      for (const secret of service.secrets ?? []) ok(secret in secrets, secret);
      for (const other of Array.isArray(service.depends_on)
        ? service.depends_on
        : Object.keys(service.depends_on ?? {}))
        ok(other in services, other);
      for (const volume of service.volumes ?? []) {
        const from = volume.split(":")[0]!;
        if (!from.startsWith(".")) ok(from in volumes, from);
        else if (from !== "./databases") ok(existsSync(join(ROOT, from)), from);
      }
      for (const setting of Object.keys(service.environment ?? {}))
        ok(isSetting(setting), `${name}: ${setting}`);
    }
    ok(existsSync(join(ROOT, services["schemaledger"]!.build!.dockerfile)));
    // Written by the image's user: a new volume takes the rights of what the image has there.
    const own = textOf("ops/docker/Dockerfile").match(/install -d .* -o 10001 -g 10001 (.*)/)![1]!;
    for (const volume of services["schemaledger"]!.volumes!)
      ok(own.split(" ").includes(volume.split(":")[1]!), volume);
  });

  it("send requests to the service that is ready", () => {
    const proxy = textOf("ops/compose/haproxy.cfg");
    match(proxy, /^ {4}option httpchk GET \/readyz$/m);
    match(proxy, /^ {4}server-template \S+ 2 schemaledger:7447$/m);
    const { spec } = kind<{ spec: { selector: object; ports: { targetPort: string }[] } }>(
      "Service",
    );
    deepEqual(spec.selector, { app: "schemaledger" });
    equal(spec.ports[0]!.targetPort, "http");
  });

  it("for a cluster fit together, with settings that there are", () => {
    const { spec } = kind<{
      spec: {
        selector: { matchLabels: object };
        template: {
          metadata: { labels: object };
          spec: {
            securityContext: { runAsNonRoot: boolean; runAsUser: number };
            volumes: { name: string; persistentVolumeClaim?: { claimName: string } }[];
            containers: {
              env: { name: string }[];
              volumeMounts: Mount[];
              securityContext: { readOnlyRootFilesystem: boolean };
              readinessProbe: { httpGet: { path: string } };
              livenessProbe: { httpGet: { path: string } };
            }[];
          };
        };
        volumeClaimTemplates: { metadata: { name: string } }[];
        updateStrategy: { type: string };
        podManagementPolicy: string;
        serviceName: string;
      };
    }>("StatefulSet");
    const { containers, volumes, securityContext } = spec.template.spec;
    const [container] = containers;
    deepEqual(spec.selector.matchLabels, spec.template.metadata.labels);
    // Nothing waits until the one that stands by is ready, which it never is.
    equal(spec.podManagementPolicy, "Parallel");
    equal(spec.updateStrategy.type, "OnDelete");
    ok(
      objects.some(
        ({ kind: of, metadata }) => of === "Service" && metadata.name === spec.serviceName,
      ),
    );
    const known = new Set([
      ...volumes.map(({ name }) => name),
      ...spec.volumeClaimTemplates.map(({ metadata }) => metadata.name),
    ]);
    for (const { name } of container!.volumeMounts) ok(known.has(name), name);
    const claims = objects.filter((object) => object.kind === "PersistentVolumeClaim");
    for (const { persistentVolumeClaim } of volumes)
      if (persistentVolumeClaim)
        ok(claims.some(({ metadata }) => metadata.name === persistentVolumeClaim.claimName));
    const { data } = kind<{ data: { readonly [name: string]: string } }>("ConfigMap");
    for (const name of [...container!.env.map((one) => one.name), ...Object.keys(data)])
      ok(isSetting(name), name);
    equal(container!.readinessProbe.httpGet.path, "/readyz");
    equal(container!.livenessProbe.httpGet.path, "/livez");
    equal(container!.securityContext.readOnlyRootFilesystem, true);
    deepEqual([securityContext.runAsNonRoot, securityContext.runAsUser], [true, 10001]);
  });
});

describe("The threat model", () => {
  it("names for each threat a test that is there", () => {
    const page = textOf("docs/design/threat-model.md");
    const rows = page
      .split("\n")
      .filter((line) => line.startsWith("| ") && line.split("|").length === 5);
    const threats = rows.filter((line) => !line.startsWith("| threat"));
    ok(threats.length > 30, String(threats.length));
    for (const row of threats) {
      const tests = [...row.split("|")[3]!.matchAll(/`([^`]+)`/g)].map(([, path]) => path!);
      ok(tests.length > 0, row);
      for (const path of tests) ok(readFileSync(join(ROOT, path)).length > 0, path);
    }
  });
});
