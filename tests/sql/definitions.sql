-- Definitions as the catalog shows them: views, indexes, constraints, functions; EXCLUDE; composite and range types.
CREATE TABLE shop (id int PRIMARY KEY, name text NOT NULL, town varchar(20), opened date DEFAULT '2024-01-01', price numeric(8,2), tags text[]);
CREATE VIEW plain AS SELECT id, name || '-' || coalesce(town, 'none') AS label, price > 5 AS dear FROM shop WHERE price BETWEEN 1 AND 9 OR id IN (1, 2);
CREATE VIEW grouped AS SELECT town, count(*) AS n, percentile_cont(0.5) WITHIN GROUP (ORDER BY price) AS med FROM shop GROUP BY town HAVING count(*) > 1 ORDER BY town NULLS FIRST LIMIT 3;
CREATE VIEW sets AS SELECT town, name, sum(id) FROM shop GROUP BY GROUPING SETS ((town), (name), (town, name), ()), ROLLUP (price);
CREATE VIEW joined AS SELECT a.id, g, q.z FROM shop a NATURAL JOIN (SELECT 1 AS id, 'z' AS z) q CROSS JOIN generate_series(1, 2) g;
CREATE VIEW listed(a, b) AS VALUES (1, 'x'), (2, NULL);
CREATE VIEW unions AS SELECT id FROM shop UNION ALL SELECT 7 ORDER BY id DESC;
CREATE VIEW cased AS SELECT CASE town WHEN 'a' THEN interval '1 day 2 hours' END AS i, (shop).name, shop AS whole FROM shop FOR UPDATE SKIP LOCKED;
SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY viewname;
SELECT pg_get_viewdef('plain', true);
SELECT table_name, is_updatable, is_insertable_into FROM information_schema.views WHERE table_schema = 'public' ORDER BY 1;
CREATE INDEX ON shop (lower(name), ((price + 1)), (town IS NULL));
CREATE INDEX shop_case ON shop ((CASE WHEN id > 1 THEN name ELSE town END), (name COLLATE "C") DESC NULLS LAST) WITH (fillfactor = 70);
CREATE INDEX shop_tags ON shop USING gin (tags) WITH (fastupdate = off);
CREATE INDEX shop_fts ON shop USING gin (to_tsvector('english', name));
CREATE INDEX bad ON shop USING gin (price);
CREATE INDEX bad ON shop (name int4_ops);
CREATE INDEX bad ON shop (name json_ops);
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'shop' ORDER BY 1;
SELECT attname FROM pg_attribute WHERE attrelid = 'shop_lower_expr_expr1_idx'::regclass ORDER BY attnum;
SELECT pg_index_column_has_property('shop_case'::regclass, 2, 'desc'), pg_index_has_property('shop_tags'::regclass, 'index_scan'), pg_indexam_has_property(403, 'can_unique');
-- EXCLUDE
CREATE TABLE booking (room int, during daterange, EXCLUDE USING gist (during WITH &&) WHERE (room = 1));
INSERT INTO booking VALUES (1, '[2024-01-01,2024-01-05)'), (1, '[2024-01-05,2024-01-09)'), (2, '[2024-01-02,2024-01-03)'), (1, NULL);
INSERT INTO booking VALUES (1, '[2024-01-08,2024-01-12)');
INSERT INTO booking VALUES (1, '[2024-01-08,2024-01-12)') ON CONFLICT DO NOTHING;
UPDATE booking SET room = 1 WHERE room = 2;
ALTER TABLE booking ADD CONSTRAINT once EXCLUDE (room WITH =);
ALTER TABLE booking ADD EXCLUDE USING gist (during WITH <<);
ALTER TABLE booking ADD CONSTRAINT later EXCLUDE USING gist (int4range(room, room, '[]') WITH =, during WITH -|-) DEFERRABLE INITIALLY DEFERRED;
DELETE FROM booking WHERE room = 1 AND lower(during) = '2024-01-05';
ALTER TABLE booking ADD CONSTRAINT later EXCLUDE USING gist (int4range(room, room, '[]') WITH =, during WITH -|-) DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO booking VALUES (1, '[2024-01-05,2024-01-06)');
COMMIT;
SELECT conname, contype, pg_get_constraintdef(oid), conkey FROM pg_constraint WHERE conrelid = 'booking'::regclass ORDER BY 1;
ALTER TABLE booking DROP CONSTRAINT later;
SELECT count(*) FROM pg_indexes WHERE tablename = 'booking';
-- Functions
CREATE FUNCTION add(a int, b int DEFAULT 1 + 1, OUT total int) LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 5 SET search_path TO public, pg_temp AS 'SELECT a + b';
CREATE FUNCTION rows(n int) RETURNS TABLE(x int, y text) LANGUAGE sql STABLE ROWS 7 SECURITY DEFINER AS $$ SELECT n, 'a' $$;
SELECT pg_get_functiondef('add'::regproc), pg_get_functiondef('rows'::regproc);
SELECT proname, pg_get_function_arguments(oid), pg_get_function_identity_arguments(oid), pg_get_function_result(oid), pg_get_function_arg_default(oid, 2) FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1;
SELECT add(1), add(1, 5), rows(3);
SELECT (information_schema._pg_expandarray(ARRAY['a', 'b'])).*, information_schema._pg_expandarray('{5}'::int[]);
-- Types
CREATE TYPE addr AS (street text, no int, zip text);
CREATE TABLE client (id int, a addr);
INSERT INTO client (id, a.street) VALUES (1, 'High St') RETURNING a;
UPDATE client SET a.no = 5 RETURNING a, (a).zip IS NULL;
ALTER TYPE addr ADD ATTRIBUTE country text;
SELECT a FROM client;
CREATE TYPE span AS RANGE (subtype = float8);
SELECT span(1, 2), span(1, 2, '[]') @> 2.0::float8, span_multirange(span(1, 2), span(5, 6)), span_multirange();
DROP TYPE span;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
SELECT '{3,1}'::positive[];
SELECT typname[0], (point '(5,6)')[1], typinput FROM pg_type WHERE typname = '_int4';
ALTER TABLE shop REPLICA IDENTITY USING INDEX shop_case;
ALTER TABLE shop REPLICA IDENTITY FULL, CLUSTER ON shop_pkey;
SELECT relreplident, (SELECT indexrelid::regclass FROM pg_index WHERE indisclustered AND indrelid = c.oid) FROM pg_class c WHERE relname = 'shop';
-- Typed tables; what a failing ALTER TABLE tells of itself; COPY's refusals.
CREATE TYPE reading AS (at timestamp, celsius numeric(4,1));
CREATE TABLE cellar OF reading (PRIMARY KEY (at), celsius WITH OPTIONS DEFAULT 12.0 NOT NULL);
INSERT INTO cellar (at) VALUES ('2024-01-01') RETURNING *, cellar;
ALTER TABLE cellar ADD COLUMN x int;
DROP TYPE reading;
SELECT reloftype::regtype FROM pg_class WHERE relname = 'cellar';
CREATE TABLE narrow (a int, b text);
INSERT INTO narrow VALUES (NULL, 'x');
ALTER TABLE narrow ADD CONSTRAINT short CHECK (length(b) < 1);
ALTER TABLE narrow ALTER a SET NOT NULL;
CREATE VIEW narrow_view AS SELECT * FROM narrow;
COPY nowhere FROM STDIN;
COPY narrow_view FROM STDIN;
1	x
\.
COPY narrow FROM STDIN (FREEZE);
1	x
\.
COPY narrow (b) TO STDOUT (ENCODING 'klingon');
COPY narrow (b) FROM STDIN (ENCODING 'latin1');
é
\.
SELECT b, octet_length(b) FROM narrow ORDER BY b;
