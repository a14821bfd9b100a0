import type { Api } from "./api.ts";
import type { World } from "./world.ts";

/** What the service is asked to do while it or its executor is made to die. */
const STORIES = {
  register: async (api: Api, world: World) => {
    await api.post("/v1/databases", {
      name: "other",
      engine: "sqlite",
      url: `${world.root}/other.db`,
      create: true,
    });
  },
  migrate: (api: Api) => api.run("app"),
  rollBack: (api: Api) =>
    api.run("app", { to: "1", strategy: "down", reason: "test" }, "rollbacks"),
  restore: async (api: Api) => {
    await requestRestore(api);
    await api.until((all) => {
      const begun = all.filter(({ type }) => type === "RestoreRequested").length;
      return begun > 0 && begun === all.filter(({ type }) => isRestoreEnd(type)).length;
    });
  },
  check: async (api: Api) => {
    await api.post("/v1/databases/app/integrity-checks", { level: "full" });
    await api.until((all) => all.at(-1)?.type === "IntegrityCheckCompleted");
  },
} as const;
export type Story = keyof typeof STORIES;

const isRestoreEnd = (type: string): boolean =>
  type === "RestoreCompleted" || type === "RestoreFailed";

/** Asks for the newest verified backup of `app`. */
export async function requestRestore(api: Api): Promise<string> {
  const { items } = await api.need(
    api.get<{ items: { id: string; status: string }[] }>("/v1/databases/app/backups"),
  );
  const backupId = items.find(({ status }) => status === "verified")!.id;
  const { id } = await api.need(
    api.post<{ id: string }>("/v1/databases/app/restores", { backupId, reason: "test" }),
  );
  return id;
}

/** Plays the story; that the service dies meanwhile is what the test is about. */
export async function play(story: Story, world: World, api: Api): Promise<void> {
  try {
    await STORIES[story](api, world);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** `fetch` throws TypeErrors for connections that are refused or end early. */
export const isGone = (error: unknown): boolean => error instanceof TypeError;
