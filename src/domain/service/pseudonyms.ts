/** Names that tell actors apart and nobody who they are. */
export interface Pseudonyms {
  /**
   * `act_` + 32 lower-case hex for a subject of an identity provider. The same three parts always
   * give the same pseudonym; without the secret pepper it cannot be found from them.
   */
  of(provider: string, issuer: string, subject: string): string;
}
