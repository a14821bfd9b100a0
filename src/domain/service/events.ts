/** Events of the service itself: stream `service`. */
export interface ServiceEvents {
  /** The first event of a ledger. `verifierKey` checks its checkpoints. */
  readonly LedgerOpened: {
    readonly origin: string;
    readonly verifierKey: string;
    readonly leafFormat: 1;
  };
  /**
   * The first event of a ledger that takes the place of one that was lost. It stands beside
   * `LedgerOpened`; the databases of the old one are registered anew.
   */
  readonly LedgerContinued: {
    readonly previousOrigin: string;
    /** The newest signed checkpoint of the old one that is known. */
    readonly lastCheckpoint: string;
    readonly reason: string;
  };
  /** `tokenHash` is `sha256:` + hex of a 256-bit random token; the token itself is shown once. */
  readonly KeyIssued: {
    readonly keyId: string;
    readonly name: string;
    readonly roles: readonly Role[];
    readonly tokenHash: string;
    /** The pseudonym under which the key's holder appears as actor. */
    readonly actorId: string;
    readonly actorKind: "user" | "service";
    /** Ids of the databases it is limited to. Absent: all, and the service itself. */
    readonly databases?: readonly string[];
    /** RFC 3339: the key is refused from then on. */
    readonly expiresAt?: string;
  };
  /** The key was used, for the first time on this day (UTC). */
  readonly KeyUsed: { readonly keyId: string };
  /** Requests of one caller were refused for one reason. */
  readonly AccessRefused: {
    /** The problem code answered. */
    readonly code: string;
    /** Id of the route that was asked for (first). */
    readonly route: string;
    /** How many more followed since the last such event. Absent: this is the first. */
    readonly repeated?: number;
  };
  /**
   * Another key signs checkpoints, together with those that are not retired. Not to be confused
   * with the API keys above.
   */
  readonly KeyRotated: {
    readonly verifierKey: string;
    /** The newest key before. */
    readonly previous: string;
    readonly reason: string;
  };
  /** A signing key signs no more; its private half is destroyed. */
  readonly KeyRetired: { readonly verifierKey: string; readonly reason: string };
  /**
   * What is kept of an actor in words and names cannot be read any more: the keys that sealed it
   * are destroyed.
   */
  readonly SubjectErased: {
    readonly actorId: string;
    readonly kids: readonly string[];
    readonly reason: string;
  };
  /**
   * Backups are encrypted under another data key from here on, which these age recipients can open;
   * `keyId` null: they are not encrypted any more. `rewrapped`: older keys they can open as well.
   */
  readonly BackupKeyChanged: {
    readonly keyId: string | null;
    readonly recipients: readonly string[];
    readonly rewrapped: readonly string[];
  };
  /** Backups lie there from here on; `place` null: in the data directory. */
  readonly BackupStoreChanged: {
    readonly place: { readonly url: string; readonly endpoint: string | null } | null;
  };
  /** Reads of the audit history are recorded otherwise from here on. */
  readonly AuditReadsChanged: { readonly reads: string };
  /**
   * A service serves this ledger from here on: host, instance and version are in the event's context,
   * too. Commands on the data directory start none.
   */
  readonly ServiceStarted: {
    readonly version: string;
    /** Digest of its settings: the same ones give the same. */
    readonly settings: string;
    /** `crash`: no stop of the service before is on record. */
    readonly after: "first" | "stop" | "crash";
  };
  /** It has stopped serving, in order: nothing is under way. What still follows is about checkpoints. */
  readonly ServiceStopped: {
    /** How long it served. */
    readonly seconds: number;
  };
  readonly KeyRevoked: { readonly keyId: string; readonly reason: string };
}

export type Role = "auditor" | "operator" | "approver" | "admin";
