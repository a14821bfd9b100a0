import type { AdoptionOrder } from "../../domain/adoption/adoption-reader.ts";
import type { FileMigration } from "../../domain/migration/migration-source.ts";
import { withoutAbsent } from "../../domain/shared/without-absent.ts";
import type { AdoptionRequest } from "../dto/adoption.request.ts";

/** What a request asks for; `files` where they were read from a folder. */
export const adoptionOrder = (
  { tool, table, migrations, decisions, confirmUnlocked, reason }: AdoptionRequest,
  files: readonly FileMigration[] | undefined = migrations,
): AdoptionOrder =>
  withoutAbsent({
    tool: tool === "auto" ? undefined : tool,
    table,
    files,
    decisions,
    confirmUnlocked,
    reason,
  });
