import { createTwoFilesPatch } from "diff";

/** The difference of two texts as a unified diff, for people. */
export const diffText = (name: string, before: string, after: string): string =>
  createTwoFilesPatch(name, name, before, after, "registered", "submitted", { context: 2 });
