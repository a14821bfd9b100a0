import { InvalidInput } from "../../domain/shared/errors.ts";

/** Without its mark nobody knows what of a file is to be run. */
export const withoutUp = (file: string, mark: string): InvalidInput =>
  new InvalidInput("format-invalid", `${file} has no line ${mark}`, {
    hint: `Put ${mark} before what is to be run; its tool would run nothing of this file`,
  });
