import { quoteText } from "./quote.ts";

/**
 * The logical schema as rows (kind, name, def): what the fingerprint is made of. Beside each fact
 * `parent`, `oid`, `sql` and `extra` say what people are shown of it; they are not in the fingerprint.
 *
 * Names are printed relative to the search path: it must be `pg_catalog`. Left out: NOT NULL as
 * constraints (version 18 alone has them; `attnotnull` says it for all), what extensions own, the
 * product's own tables, and holes that dropped columns leave. `markers`: the schema of the own tables. Without
 * parameters, so that it is planned once. Objects below 16384 are the server's own: without that bound each reading
 * goes through thousands of them.
 */
export const catalogQuery = (markers: string): string => `
with ns as (
  select oid, nspname from pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema'),
ext as (select classid, objid from pg_depend where deptype = 'e' and objid >= 16384),
rel as (
  select c.* from pg_class c where c.oid >= 16384 and c.relnamespace in (select oid from ns)
  and c.relname not in ('schemaledger_meta', 'schemaledger_marker')
  and not exists (select 1 from ext where classid = 'pg_class'::regclass and objid = c.oid)),
facts(kind, name, def, parent, oid, sql, extra) as (
  select 'schema', quote_ident(n.nspname), '', '', n.oid::bigint, 'CREATE SCHEMA ' || quote_ident(n.nspname), null::text
  from ns n where n.nspname not in ('public', ${quoteText(markers)})
  and not exists (select 1 from ext where classid = 'pg_namespace'::regclass and objid = n.oid)
  union all
  select 'relation', r.oid::regclass::text, concat_ws('|', r.relkind, r.relpersistence, r.reloptions::text,
    r.relrowsecurity, r.relforcerowsecurity, r.relreplident, pg_get_partkeydef(r.oid), pg_get_expr(r.relpartbound, r.oid),
    (select string_agg(inhparent::regclass::text, ',' order by inhseqno) from pg_inherits where inhrelid = r.oid)),
    '', r.oid::bigint, '', json_build_object('kind', r.relkind, 'persistence', r.relpersistence, 'node', r.relfilenode,
    'rows', r.reltuples, 'pages', r.relpages, 'partition', r.relispartition, 'name', r.relname, 'schema', r.relnamespace::regnamespace::text, 'options', r.reloptions,
    'key', pg_get_partkeydef(r.oid), 'bound', pg_get_expr(r.relpartbound, r.oid), 'security', r.relrowsecurity,
    'parents', (select string_agg(inhparent::regclass::text, ', ' order by inhseqno) from pg_inherits where inhrelid = r.oid))::text
  from rel r where r.relkind in ('r', 'p', 'v', 'm', 'f')
  union all
  select 'column', r.oid::regclass || '.' || quote_ident(a.attname), concat_ws('|',
    row_number() over (partition by a.attrelid order by a.attnum),
    format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
    pg_get_expr(d.adbin, d.adrelid), nullif(a.attcollation, t.typcollation)::regcollation),
    r.oid::regclass::text, r.oid::bigint, '', json_build_object('number', a.attnum, 'name', a.attname, 'quoted', quote_ident(a.attname),
    'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull, 'identity', a.attidentity, 'generated', a.attgenerated,
    'default', pg_get_expr(d.adbin, d.adrelid), 'collation', nullif(a.attcollation, t.typcollation)::regcollation::text,
    'key', coalesce((select array_position(i.indkey::int2[], a.attnum) + 1 from pg_index i where i.indrelid = a.attrelid and i.indisprimary), 0))::text
  from rel r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where r.relkind in ('r', 'p', 'v', 'm', 'f')
  union all
  select 'index', i.indexrelid::regclass::text, concat_ws('|', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisclustered, i.indisreplident),
    r.oid::regclass::text, i.indexrelid::bigint, pg_get_indexdef(i.indexrelid),
    json_build_object('valid', i.indisvalid, 'hidden', exists (select 1 from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')))::text
  from pg_index i join rel r on r.oid = i.indrelid
  union all
  select 'constraint', concat_ws(' ', nullif(k.conrelid, 0)::regclass, nullif(k.contypid, 0)::regtype, quote_ident(k.conname)), concat_ws('|', pg_get_constraintdef(k.oid), k.convalidated),
    coalesce(nullif(k.conrelid, 0)::regclass::text, ''), k.oid::bigint, pg_get_constraintdef(k.oid),
    json_build_object('name', quote_ident(k.conname), 'type', k.contype, 'valid', k.convalidated)::text
  from pg_constraint k where k.oid >= 16384 and k.connamespace in (select oid from ns) and k.contype not in ('n', 't')
  and (k.conrelid = 0 or k.conrelid in (select oid from rel))
  and not exists (select 1 from ext where classid = 'pg_constraint'::regclass and objid = k.oid)
  union all
  select 'trigger', r.oid::regclass || '.' || quote_ident(g.tgname), concat_ws('|', pg_get_triggerdef(g.oid), g.tgenabled),
    r.oid::regclass::text, g.oid::bigint, pg_get_triggerdef(g.oid), null
  from pg_trigger g join rel r on r.oid = g.tgrelid where not g.tgisinternal
  union all
  select 'routine', p.oid::regprocedure::text, coalesce(case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end, p.proname),
    '', p.oid::bigint, coalesce(case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end, 'CREATE AGGREGATE ' || p.oid::regprocedure::text), null
  from pg_proc p where p.oid >= 16384 and p.pronamespace in (select oid from ns)
  and not exists (select 1 from ext where classid = 'pg_proc'::regclass and objid = p.oid)
  union all
  select 'view', r.oid::regclass::text, pg_get_viewdef(r.oid), '', r.oid::bigint,
    case r.relkind when 'v' then 'CREATE VIEW ' else 'CREATE MATERIALIZED VIEW ' end || r.oid::regclass || ' AS' || E'\\n' || pg_get_viewdef(r.oid), null
  from rel r where r.relkind in ('v', 'm')
  union all
  select 'rule', r.oid::regclass || '.' || quote_ident(w.rulename), pg_get_ruledef(w.oid), r.oid::regclass::text, w.oid::bigint, pg_get_ruledef(w.oid), null
  from pg_rewrite w join rel r on r.oid = w.ev_class where w.rulename <> '_RETURN'
  union all
  select 'policy', r.oid::regclass || '.' || quote_ident(p.polname), concat_ws('|', p.polcmd, p.polpermissive,
    (select string_agg(coalesce(nullif(x, 0)::regrole::text, 'public'), ',' order by 1) from unnest(p.polroles) x), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
    r.oid::regclass::text, p.oid::bigint, 'CREATE POLICY ' || quote_ident(p.polname) || ' ON ' || r.oid::regclass
    || case when p.polpermissive then '' else ' AS RESTRICTIVE' end
    || ' FOR ' || case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end
    || ' TO ' || (select string_agg(coalesce(nullif(x, 0)::regrole::text, 'public'), ', ' order by 1) from unnest(p.polroles) x)
    || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '') || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''), null
  from pg_policy p join rel r on r.oid = p.polrelid
  union all
  select 'sequence', r.oid::regclass::text, concat_ws('|', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle),
    '', r.oid::bigint, format('CREATE SEQUENCE %s AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s%s', r.oid::regclass, s.seqtypid::regtype,
    s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, case when s.seqcycle then ' CYCLE' else '' end),
    json_build_object('hidden', (select count(*) from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype = 'i') > 0)::text
  from pg_sequence s join rel r on r.oid = s.seqrelid
  union all
  select 'type', t.oid::regtype::text, concat_ws('|', t.typtype, nullif(t.typbasetype, 0)::regtype, t.typnotnull, t.typdefault,
    (select string_agg(quote_literal(e.enumlabel), ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
    (select string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ',' order by a.attnum) from pg_attribute a where a.attrelid = t.typrelid and t.typtype = 'c' and a.attnum > 0 and not a.attisdropped)),
    '', t.oid::bigint, case t.typtype
      when 'e' then 'CREATE TYPE ' || t.oid::regtype || ' AS ENUM (' || coalesce((select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid), '') || ')'
      when 'd' then 'CREATE DOMAIN ' || t.oid::regtype || ' AS ' || format_type(t.typbasetype, t.typtypmod) || coalesce(' DEFAULT ' || t.typdefault, '') || case when t.typnotnull then ' NOT NULL' else '' end
      when 'c' then 'CREATE TYPE ' || t.oid::regtype || ' AS (' || coalesce((select string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum) from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), '') || ')'
      else 'CREATE TYPE ' || t.oid::regtype || ' AS RANGE' end, null
  from pg_type t where t.oid >= 16384 and t.typnamespace in (select oid from ns) and t.typtype in ('e', 'd', 'c', 'r')
  and (t.typrelid = 0 or exists (select 1 from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
  and not exists (select 1 from ext where classid = 'pg_type'::regclass and objid = t.oid)
  union all
  select 'extension', quote_ident(x.extname), x.extnamespace::regnamespace::text, '', x.oid::bigint,
    'CREATE EXTENSION ' || quote_ident(x.extname) || ' WITH SCHEMA ' || x.extnamespace::regnamespace, null
  from pg_extension x where x.extname <> 'plpgsql'
  union all
  select 'event-trigger', quote_ident(e.evtname), concat_ws('|', e.evtevent, e.evtfoid::regproc, e.evtenabled, e.evttags::text), '', e.oid::bigint,
    'CREATE EVENT TRIGGER ' || quote_ident(e.evtname) || ' ON ' || e.evtevent || ' EXECUTE FUNCTION ' || e.evtfoid::regproc || '()', null
  from pg_event_trigger e)
select kind, name, def, parent, oid, sql, extra from facts
order by kind collate "C", name collate "C", def collate "C"`;
