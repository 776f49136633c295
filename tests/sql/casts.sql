-- Casts and what they refuse.
SELECT '42'::int, 42::text || 'x', 3.7::int, -3.5::int, 3.5::int, '  7 '::int8, 'yes'::bool, 'off'::bool, 1::bool, true::int;
SELECT '1.23456'::numeric(5,2), 123.456::numeric(4,1), 1e10::float4, 'NaN'::float8, '-Infinity'::float8, 'Infinity'::numeric;
SELECT 'abcdef'::varchar(3), 'ab'::char(4) || '|', 'ab '::char(4) = 'ab', '\xdeadbeef'::bytea, 'x'::"char", 'name'::name;
SELECT '{1,2,3}'::int[], ARRAY['a', NULL, 'b c']::text[], '{{1,2},{3,4}}'::int[][], ARRAY[1, 2]::text;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '192.168.0.1/24'::inet, '10.0.0.0/8'::cidr, '08:00:2b:01:02:03'::macaddr;
SELECT 'x'::int;
SELECT '99999999999'::int;
SELECT 99999::smallint;
SELECT 1234.5::numeric(4,2);
SELECT 'maybe'::bool;
SELECT '2024-02-30'::date;
SELECT '{1,2'::int[];
SELECT 'x'::nothing;
SELECT CAST(now() AS int);
SELECT pg_typeof(1), pg_typeof(1.0), pg_typeof('x'), pg_typeof(1::int8 + 1), pg_typeof(ARRAY[1]), pg_typeof(now());
