import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { playStory } from "./play.ts";
import { Printer } from "./printer.ts";
import { startServiceProcess, type ServiceProcess } from "./service-process.ts";

/** What a shell expects of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Plays the story on a real service in a temporary directory, and leaves nothing behind. */
export async function demo({ keep }: { readonly keep: boolean }): Promise<number> {
  const printer = new Printer(
    process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined,
  );
  const directory = await mkdtemp(join(tmpdir(), "schemaledger-demo-"));
  let service: ServiceProcess | undefined;
  const interrupted = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  try {
    printer.title("Schemaledger: the story of a lost table, and how it ends well now");
    service = await startServiceProcess(directory);
    printer.say(`A real service runs at ${service.client.url}, its data in ${directory}`);
    const told = playStory(service.client, directory, printer);
    const stopped = await Promise.race([told.then(() => false), interrupted.then(() => true)]);
    if (stopped) {
      // What the story still asks of the service fails when that ends; nobody waits for it.
      told.catch(() => {});
      return INTERRUPTED;
    }
    printer.title(`Done in ${printer.seconds()} s. Explore it yourself`);
    if (keep) await explore(service, interrupted, printer);
    else sayHow(printer);
    return 0;
  } finally {
    await service?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function explore(
  { client, tokenFile }: ServiceProcess,
  interrupted: Promise<unknown>,
  printer: Printer,
): Promise<void> {
  for (const line of curls(client.url, tokenFile)) printer.code(line);
  printer.say("The service runs until Ctrl-C; then everything is removed.");
  await interrupted;
}

function sayHow(printer: Printer): void {
  printer.code("npm run demo -- --keep     # the same story; the service stays until Ctrl-C");
  printer.code("npm start                  # a service of your own, in ./schemaledger-data; then:");
  for (const line of curls("http://127.0.0.1:7447", "schemaledger-data/keys/admin.key"))
    printer.code(line);
  printer.say("The demo's service has been stopped and its directory removed.");
}

/** Lines that work in a shell as they are. */
function curls(url: string, tokenFile: string): string[] {
  const curl = `curl -s -H "Authorization: Bearer $(cat '${tokenFile}')"`;
  return [
    `${curl} ${url}/v1/databases`,
    `${curl} '${url}/v1/audit/events?limit=5&order=desc'`,
    `${curl} -H 'Accept: text/csv' ${url}/v1/audit/events`,
    `${curl} ${url}/v1/ledger/checkpoint`,
    `${curl} ${url}/openapi.json`,
  ];
}
