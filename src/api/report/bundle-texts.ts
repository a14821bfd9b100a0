import type { ChangeReport } from "../../domain/audit/report/change-report.ts";

/** What the bundle says of itself. */
export const bundleReadme = ({ origin, period, population }: ChangeReport): string =>
  `Evidence of changes of databases
Ledger: ${origin}
Period: ${period.from} to ${period.to}, events ${period.first} to ${period.last}
Changes: ${population.changes}, of these requested in the period: ${population.requested}

Nothing but this file is needed to check it, neither network nor the service that made it.
You need the log's verifier key from somewhere else than this archive: log/vkey and policy.txt
repeat it, but whoever changed the archive would have changed them too.

1. Check everything: every hash, every payload, the manifest, and that the log names this report.

       node verifier/verify.js evidence.tar --vkey KEY

   verifier/ is a few hundred lines that come with Schemaledger and use none of its code.

2. Check it with software of others: log/ is a transparency log (https://c2sp.org/tlog-tiles),
   proofs/ has files of https://c2sp.org/tlog-proof. Any implementation reads them; the signature on
   log/checkpoint is an Ed25519 signed note (https://c2sp.org/signed-note).

Count the population yourself: each entry stands behind two bytes that give its length.

       perl -0777 -ne '$p=0; while($p<length){$n=unpack("n",substr($_,$p,2));
         print substr($_,$p+2,$n),"\\n"; $p+=2+$n}' $(find log/tile/entries -type f | sort) |
         jq -r 'select(.index >= ${period.first} and .index <= ${period.last}) | .type' |
         sort | uniq -c

   RunRequested must be ${population.requested}.

report/     the same report as JSON, HTML, CSV and PDF
proofs/     a proof for the request and the end of each change
log/        the whole log up to log/checkpoint, payloads, and the scripts by their SHA-256
policy.txt  whose signatures a checkpoint needs (https://c2sp.org/tlog-policy)
`;

/** The log's keys; no witness is demanded. */
export const bundlePolicy = (vkeys: readonly string[]): string =>
  [...vkeys.map((key) => `log ${key}`), "quorum none", ""].join("\n");
