import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InvalidInput } from "../domain/shared/errors.ts";
import { writeFileAtomic } from "../infra/files/atomic-write.ts";
import { DirectoryPlace, type BackupPlace } from "../infra/page-store/backup-place.ts";
import { NO_ABILITIES, type S3Abilities, type S3Settings } from "../infra/s3/s3-settings.ts";
import { backupsIn, type CoreConfig } from "./config.ts";

/** Where backups lie, for commands that are not told; written by whoever was. */
export const backupStoreFile = ({ data }: Pick<CoreConfig, "data">): string =>
  join(data, "backup-store.json");

/** What a bucket does is asked again after so long. */
const CHECKED_FOR_MS = 3_600_000;

interface Remembered {
  readonly s3: S3Settings;
  readonly abilities: S3Abilities;
  readonly checkedAt: number;
}

export interface OpenedPlace {
  readonly place: BackupPlace;
  /** Once the ledger has taken the place as its own. */
  readonly remember: () => Promise<void>;
}

/**
 * Where the backups of a data directory lie: as the configuration says, else as it was when it last
 * said something, else in the directory itself. `thorough`: a bucket is tried out whenever it was.
 * Errors: those of `examineBucket`, InvalidInput backup-store-file-wrong.
 */
export async function openBackupPlace(config: CoreConfig, thorough: boolean): Promise<OpenedPlace> {
  const known = await remembered(config);
  const setting = config.backupStore ?? known?.s3 ?? "local";
  if (setting === "local") {
    const forget = () => writeFileAtomic(backupStoreFile(config), "{}\n");
    const remember = () => (known === undefined ? Promise.resolve() : forget());
    return { place: new DirectoryPlace(backupsIn(config)), remember };
  }
  const abilities = thorough ? undefined : abilitiesOf(setting, known);
  const place = await s3Place(config, setting, abilities);
  const found: Remembered = { s3: setting, abilities: place.abilities, checkedAt: Date.now() };
  const write = () =>
    writeFileAtomic(backupStoreFile(config), `${JSON.stringify(found, null, 2)}\n`);
  return { place, remember: () => (abilities === undefined ? write() : Promise.resolve()) };
}

/** Beside the process that has the directory: nothing is tried out. */
export async function openBackupPlaceToRead(config: CoreConfig): Promise<BackupPlace> {
  const known = await remembered(config);
  const setting = config.backupStore ?? known?.s3 ?? "local";
  if (setting === "local") return new DirectoryPlace(backupsIn(config));
  return s3Place(config, setting, known?.abilities ?? NO_ABILITIES);
}

/** Nothing of it is loaded where there is no bucket. */
async function s3Place(config: CoreConfig, setting: S3Settings, abilities?: S3Abilities) {
  const { openS3Place } = await import("../infra/s3/open-s3-place.ts");
  return openS3Place(setting, join(backupsIn(config), "scratch"), abilities);
}

/** Undefined: it is to be tried out. */
function abilitiesOf(setting: S3Settings, known: Remembered | undefined): S3Abilities | undefined {
  if (known === undefined || JSON.stringify(known.s3) !== JSON.stringify(setting)) return undefined;
  const isFresh = Math.abs(Date.now() - known.checkedAt) < CHECKED_FOR_MS;
  return isFresh ? known.abilities : undefined;
}

/** Where backups lay when it was said last. Error: InvalidInput backup-store-file-wrong. */
export const backupStoreKnownTo = async (
  config: Pick<CoreConfig, "data">,
): Promise<S3Settings | "local"> => (await remembered(config))?.s3 ?? "local";

async function remembered(config: Pick<CoreConfig, "data">): Promise<Remembered | undefined> {
  const file = backupStoreFile(config);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const found = JSON.parse(text) as Partial<Remembered>;
    if (found.s3 === undefined) return undefined;
    if (typeof found.s3.bucket === "string" && found.abilities !== undefined)
      return found as Remembered;
  } catch {
    // Told below.
  }
  throw new InvalidInput("backup-store-file-wrong", `${file} cannot be read`, {
    hint: "Remove it and say where the backups lie: --backups, or SCHEMALEDGER_BACKUPS",
  });
}
