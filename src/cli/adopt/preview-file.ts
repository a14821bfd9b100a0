import { basename } from "node:path";
import {
  readAdoption,
  type AdoptionOrder,
  type AdoptionResult,
} from "../../domain/adoption/adoption-reader.ts";
import { ProcessExecutor } from "../../infra/executor/process-executor.ts";
import { NodeDigest } from "../../infra/signing/node-digest.ts";
import { SqliteDialect } from "../../infra/sqlite/sql/sqlite-dialect.ts";
import { UuidIds } from "../../infra/system/uuid-ids.ts";
import { AdoptionRequest } from "../../api/dto/adoption.request.ts";
import { adoptionOrder } from "../../api/routes/adoption-order.ts";
import { validated } from "../../api/validate.ts";
import { adoptionView } from "../../api/views/adoption-view.ts";
import type { AdoptionDocument } from "./print-adoption.ts";

/** A request, as it would be sent. */
export interface Body {
  readonly [member: string]: unknown;
}

/** What an adoption of a database would record that no ledger knows yet. */
export async function previewFile(path: string, body: Body): Promise<AdoptionDocument> {
  const result = await readFile(path, adoptionOrder(validated(AdoptionRequest, body)));
  return adoptionView(result.adoption.facts.database, result, true) as AdoptionDocument;
}

/** Reads other tools' histories in a file, in a process of its own. */
export async function readFile(path: string, order: AdoptionOrder): Promise<AdoptionResult> {
  const executor = new ProcessExecutor({ spare: 0 });
  try {
    const session = await executor.open(
      { engine: "sqlite", url: path, databaseId: "", origin: "", incarnation: "" },
      { onProgress: () => {}, onTablesSaved: () => Promise.resolve() },
    );
    try {
      const { tool, table } = order;
      const found = await session.engine.histories({
        registered: false,
        ...(tool === undefined ? {} : { tool }),
        ...(table === undefined ? {} : { table }),
      });
      const parts = {
        dialects: () => new SqliteDialect(),
        digest: new NodeDigest(),
        ids: new UuidIds(),
      };
      const target = {
        name: basename(path),
        engine: "sqlite" as const,
        fingerprint: null,
        schema: [],
        migrations: new Map(),
        histories: new Map(),
      };
      return readAdoption(parts, target, found, order);
    } finally {
      await session.close();
    }
  } finally {
    await executor.close();
  }
}
