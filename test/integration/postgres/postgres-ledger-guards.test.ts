import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { signsAlone } from "../../../src/domain/shared/signer.ts";
import { Ed25519Signer } from "../../../src/infra/signing/ed25519-signer.ts";
import { readAddress } from "../../../src/infra/postgres/connection/address.ts";
import { openClient } from "../../../src/infra/postgres/connection/open-client.ts";
import { grantService } from "../../../src/infra/postgres/ledger/install.ts";
import { digest } from "../../support/digest.ts";
import { appendTo, context, query, revoked } from "../../support/ledger-samples.ts";
import { openPostgresLedger, placeIn } from "../../support/postgres/ledger.ts";
import { MAJORS } from "../../support/postgres/programs.ts";
import { postgresServer, type PostgresServer } from "../../support/postgres/server.ts";

const TABLES = ["event", "payload", "ledger_head", "content", "idem", "once_key", "checkpoint"];
const copy = (idx: number, id: string, place: number): string =>
  `INSERT INTO event SELECT ${idx}, ${id}, 'b', ${place}, type, v, time, actor, actor_kind,
     correlation, causation, leaf, leaf_hash FROM event WHERE idx = 0`;

/** Nobody may do these, and a service's role may not even try. */
const REWRITING: Readonly<Record<string, string>> = {
  "an UPDATE of a leaf": "UPDATE event SET leaf = '' WHERE idx = 1",
  "an UPDATE that changes nothing": "UPDATE event SET v = v",
  "a DELETE of an event": "DELETE FROM event WHERE idx = 4",
  "a TRUNCATE of events": "TRUNCATE event",
  "an upsert of an event": `${copy(4, "gen_random_uuid()", 0)} ON CONFLICT (idx) DO UPDATE SET v = 9`,
  "a DELETE of a payload": "DELETE FROM payload WHERE idx = 4",
  "a TRUNCATE of payloads": "TRUNCATE payload",
  "a DELETE of the head": "DELETE FROM ledger_head",
  "another text of a content": "UPDATE content SET text = 'y'",
  "a DELETE of a key": "DELETE FROM idem",
  "an UPDATE of a once key": "UPDATE once_key SET first_idx = 1",
  "another note of a checkpoint": "UPDATE checkpoint SET note = ''",
  "a DELETE of a checkpoint": "DELETE FROM checkpoint",
  "a trigger less": "ALTER TABLE event DISABLE TRIGGER ALL",
  "a table less": "DROP TABLE payload",
};

/** What a service's role has the privileges for, and triggers and constraints refuse. */
const WRONG: Readonly<Record<string, string>> = {
  "an UPDATE of a payload": "UPDATE payload SET data = '{}' WHERE idx = 1",
  "erasing a payload without a reason":
    "UPDATE payload SET data = NULL, salt = NULL, erased_at = 'now' WHERE idx = 1",
  "an event without its head": copy(5, "gen_random_uuid()", 0),
  "an index that skips one": copy(6, "gen_random_uuid()", 0),
  "an index again": copy(4, "gen_random_uuid()", 0),
  "an id again": copy(5, "id", 0),
  "a shrinking head": "UPDATE ledger_head SET revision = revision + 1, size = 4, frontier = ''",
  "a head ahead of the events": "UPDATE ledger_head SET revision = revision + 1, size = 6",
  "an older revision": "UPDATE ledger_head SET revision = revision - 1",
  "a second head": "INSERT INTO ledger_head VALUES (false, 'other', 0, 0, '', '', 0)",
  "another answer": "UPDATE idem SET answer = 'other'",
};

for (const major of MAJORS)
  describe(`the tables of a PostgreSQL ${major} ledger`, () => {
    let server: PostgresServer;
    let url: string;
    let asService: string;

    /** Five events, a content, two keys and a checkpoint; a role that was given what a service needs. */
    before(async () => {
      server = await postgresServer(major);
      url = await server.createDatabase();
      const ledger = await openPostgresLedger(url);
      const contents = [{ digest: digest.ofText("x"), text: "x" }];
      await ledger.append(appendTo("a", "none", { events: revoked(5), contents, once: ["o"] }));
      const idempotency = { key: "k", requestHash: "h" };
      await ledger.append(appendTo("a", "any", { events: [], context: context({ idempotency }) }));
      await ledger.checkpoint();
      await ledger.rememberAnswer("k", "{}");
      await ledger.close();
      // The server ends with the tests, and the role with it.
      await server.query("CREATE ROLE service LOGIN");
      const owner = await openClient(readAddress(url).address, { applicationName: "test" });
      await grantService(owner, "service");
      await owner.end();
      asService = url.replace("postgres@", "service@");
    });

    const refused = async (as: string, sql: string, state: RegExp): Promise<void> => {
      const client = new pg.Client({
        connectionString: as,
        options: "-c search_path=schemaledger",
      });
      await client.connect();
      const dump = async (): Promise<unknown[]> => {
        const rows: unknown[] = [];
        for (const table of TABLES)
          rows.push((await client.query(`SELECT * FROM ${table} ORDER BY 1`)).rows);
        return rows;
      };
      try {
        const before = await dump();
        await assert.rejects(client.query(sql), { code: state });
        assert.deepEqual(await dump(), before);
      } finally {
        await client.end();
      }
    };

    for (const [what, sql] of Object.entries(REWRITING)) {
      it(`refuse a service ${what}`, () => refused(asService, sql, /^42501$/));
      if (!/ALTER|DROP/.test(sql))
        it(`refuse their owner ${what}`, () => refused(url, sql, /^23514$/));
    }
    for (const [what, sql] of Object.entries(WRONG))
      it(`refuse a service ${what}`, () => refused(asService, sql, /^23(514|505)$/));

    it("let a service append, answer and sign", async () => {
      const ledger = await openPostgresLedger(asService);
      const idempotency = { key: `k${major}`, requestHash: "h" };
      const made = appendTo("a", 5, { context: context({ idempotency }) });
      assert.equal((await ledger.append(made)).events[0]?.index, 5);
      await ledger.rememberAnswer(idempotency.key, "{}");
      assert.equal((await ledger.checkpoint()).size, 6);
      await ledger.close();
    });

    it("let a payload be erased, which readers then report", async () => {
      const erase = `UPDATE schemaledger.payload SET data = NULL, salt = NULL, erased_at = '2026',
        erase_reason = 'asked for' WHERE idx = 1`;
      await server.query(erase, asService);
      await assert.rejects(server.query(erase, asService), { code: "23514" });
      const ledger = await openPostgresLedger(url);
      await assert.rejects(ledger.read(query()), { code: "payload-erased", details: { index: 1 } });
      assert.ok((await ledger.read(query({ after: 1 }))).length >= 3);
      await ledger.close();
    });

    it("are refused under another name, sealed, written by a newer release, or not durable", async () => {
      const signers = signsAlone(
        Ed25519Signer.fromSeed("other.example", new Uint8Array(32).fill(1)),
      );
      await assert.rejects(openPostgresLedger(url, { signers }), { code: "ledger-origin-differs" });
      const place = placeIn(url, { requireFsync: true });
      await assert.rejects(openPostgresLedger(url, { place }), { code: "ledger-not-durable" });
      const head = "UPDATE schemaledger.ledger_head SET revision = revision + 1, sealed =";
      await server.query(`${head} 'elsewhere'`, url);
      await assert.rejects(openPostgresLedger(url), { code: "ledger-sealed" });
      await server.query(`${head} NULL`, url);
      await server.query("UPDATE schemaledger.ledger_schema SET version = 99", url);
      await assert.rejects(openPostgresLedger(url), { code: "ledger-too-new" });
      await server.query("UPDATE schemaledger.ledger_schema SET version = 1", url);
      const name = new URL(url).pathname.slice(1);
      await server.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
      await assert.rejects(openPostgresLedger(url), { code: "ledger-standby" });
      await server.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    });

    it("need a role that may make them", async () => {
      const bare = await server.createDatabase();
      await assert.rejects(openPostgresLedger(bare.replace("postgres@", "service@")), {
        code: "ledger-setup-needed",
      });
    });

    it("stop a writer whose server went back to an older copy", async () => {
      const name = new URL(url).pathname.slice(1);
      const older = await server.createDatabase(name);
      const ledger = await openPostgresLedger(url);
      await ledger.append(appendTo("a"));
      // What a failover to a standby looks like that had not received everything.
      await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      const sessions = `FROM pg_stat_activity WHERE datname = '${name}'`;
      await server.query(`SELECT pg_terminate_backend(pid) ${sessions}`);
      while ((await server.query(`SELECT ${sessions}`)).rowCount !== 0) await pause(5);
      await server.query(`ALTER DATABASE ${name} RENAME TO ${name}_newer`);
      await server.query(`ALTER DATABASE ${new URL(older).pathname.slice(1)} RENAME TO ${name}`);
      await assert.rejects(ledger.append(appendTo("a")), { code: "ledger-rolled-back" });
      await assert.rejects(ledger.append(appendTo("a", "exists")), { code: "ledger-rolled-back" });
      await ledger.close();
    });
  });
