import type { ResolveUrl } from "../domain/database/database-service.ts";
import { resolveDatabaseUrl } from "../infra/files/resolve-database-url.ts";
import type { Passwords } from "../infra/postgres/connection/password-file.ts";
import type { CoreConfig } from "./config.ts";
import { loadDialect } from "./dialects.ts";

/** What submitted urls name. A password in one is kept beside the service's keys, and nowhere else. */
export function placesOf(
  { roots, data }: Pick<CoreConfig, "roots" | "data">,
  passwords: Passwords,
): ResolveUrl {
  return async (engine, text, create) => {
    if (engine === "sqlite") {
      const url = await resolveDatabaseUrl(text, roots, [data], create);
      return { url, keep: () => Promise.resolve() };
    }
    const { url } = passwords.offer(text);
    await loadDialect(engine);
    return { url, keep: () => passwords.keep(url) };
  };
}
