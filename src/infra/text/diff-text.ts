import { createTwoFilesPatch } from "diff";

/** The difference of two texts as a unified diff, for people. */
export const diffText = (name: string, before: string, after: string): string =>
  createTwoFilesPatch(name, name, before, after, "registered", "submitted", { context: 2 });

/** The difference of two definitions as a unified diff. */
export const diffDefinitions = (name: string, before: string, after: string): string =>
  createTwoFilesPatch(name, name, before, after, undefined, undefined, { context: 3 });
