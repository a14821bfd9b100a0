import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLI_PAGE, commandSections, GENERATED } from "./cli-page.ts";
import { ROOT, textOf } from "./repository.ts";

const written = textOf(CLI_PAGE).split(GENERATED, 1)[0]!;
writeFileSync(join(ROOT, CLI_PAGE), `${written}${GENERATED}\n\n${await commandSections()}`);
