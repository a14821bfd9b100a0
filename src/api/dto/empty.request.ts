import "reflect-metadata";

/** No member is known: everything sent is refused. */
export class EmptyRequest {}
