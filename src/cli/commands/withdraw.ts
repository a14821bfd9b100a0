import { decisionCommand } from "../decide.ts";
import { defineCommand } from "../command.ts";

export const command = defineCommand(decisionCommand("withdraw"));
