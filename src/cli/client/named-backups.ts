import { backupStoreOf, s3FromEnvironment, type BackupStoreSetting } from "../../api/s3-config.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { isS3Url, type S3Settings } from "../../infra/s3/s3-settings.ts";

/** Where backups lie, if the environment says so, as it does for a service. Error: config-invalid. */
export function namedBackups(): { readonly backupStore?: BackupStoreSetting } {
  const said = s3FromEnvironment(process.env);
  // The others may be meant for an export, or a recovery.
  if (said.backups === undefined || said.backups === "local")
    return said.backups === undefined ? {} : { backupStore: said.backups };
  const backupStore = backupStoreOf(said, wrong);
  return backupStore === undefined ? {} : { backupStore };
}

/** The bucket that a URL names, reached as the environment says. Undefined: it is no such URL. */
export function bucketNamed(url: string): S3Settings | undefined {
  if (!isS3Url(url)) return undefined;
  const named = backupStoreOf({ ...s3FromEnvironment(process.env), backups: url }, wrong);
  return named === "local" ? undefined : named;
}

/** In the environment a setting has the name of its flag. */
const wrong = (flag: string, why: string): InvalidInput => {
  const name = `SCHEMALEDGER_${flag.slice(2).toUpperCase().replaceAll("-", "_")}`;
  return new InvalidInput("config-invalid", `${name}: ${why}`, { hint: `Correct ${name}` });
};
