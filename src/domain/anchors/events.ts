/** Events about what is kept of the ledger outside of it: stream `service`. */
export interface AnchorEvents {
  /**
   * A checkpoint was shown to somebody who says when. What comes later in the ledger is provably
   * later than `time`, what the checkpoint covers provably earlier.
   */
  readonly CheckpointAnchored: {
    readonly kind: "timestamp";
    /** The authority's address without credentials. */
    readonly by: string;
    readonly size: number;
    /** Base64. */
    readonly root: string;
    /** RFC 3339: their time. */
    readonly time: string;
    /** Digest of the token in the content store, where it is base64 of its DER. */
    readonly token: string;
    /** Digest of the signed checkpoint in the content store: the text that was stamped. */
    readonly note: string;
  };
  /** Nothing happened since the event before: said so that a gap would show. */
  readonly HeartbeatRecorded: { readonly seconds: number };
}
