import { defineCommand } from "../command.ts";
import { decisionCommand } from "../decide.ts";

export const command = defineCommand(decisionCommand("approve"));
