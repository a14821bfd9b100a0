import { QueryInt } from "./decorators.ts";

/** From which size on consistency is to be proved. */
export class ConsistencyQuery {
  @QueryInt(1, Number.MAX_SAFE_INTEGER) size!: number;
}
