SELECT CASE WHEN a = 0 THEN 'zero' WHEN 10 / a > 3 THEN 'small' ELSE 'big' END FROM generate_series(0, 4) a
--
SELECT CASE a WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM generate_series(1, 3) a
--
SELECT COALESCE(x, y, 9), NULLIF(x, 2), GREATEST(x, y), LEAST(x, y) FROM (VALUES (1, 5), (2, NULL), (NULL, 3), (NULL, NULL)) t(x, y)
--
SELECT x IS NULL, x IS NOT NULL, (x > 1) IS TRUE, (x > 1) IS NOT FALSE, (x > 1) IS UNKNOWN, x IS DISTINCT FROM 1, x IS NOT DISTINCT FROM NULL FROM (VALUES (1), (2), (NULL)) t(x)
--
SELECT x AND y, x OR y, NOT x FROM (VALUES (true, NULL::bool), (false, NULL), (NULL, NULL), (true, false)) t(x, y)
--
SELECT a IN (1, 3, NULL), a NOT IN (1, 3), a NOT IN (1, NULL), a BETWEEN 2 AND 3 FROM generate_series(1, 4) a
--
SELECT t LIKE 'a%', t LIKE '%b', t LIKE '%c%', t LIKE '_b%', t NOT LIKE 'a_c', t ILIKE 'A%' FROM (VALUES ('abc'), ('b'), ('xcb'), (''), (NULL)) v(t)
--
SELECT x + y, x - y, x * y, x / y, x % y FROM (VALUES (7, 2), (-7, 2), (7, -2)) t(x, y)
--
SELECT x + y, x - y, x * y, x / y FROM (VALUES (1.50, 2.25), (10, 3)) t(x, y)
--
SELECT 2147483647 + a FROM generate_series(0, 1) a
--
SELECT 10 / a FROM generate_series(0, 1) a
--
SELECT (ARRAY[1, 2, 3])[a], (ARRAY[[1, 2], [3, 4]])[2][a], (ARRAY[1, 2, 3, 4])[2:a] FROM generate_series(1, 4) a
--
SELECT ROW(1, 'x') = ROW(1, 'x'), ROW(1, 2) < ROW(1, 3), ROW(1, NULL) IS NULL, ROW(NULL, NULL) IS NULL, (1, 2) >= (1, 2)
--
SELECT ARRAY[a, a + 1], ARRAY[[a], [a]] FROM generate_series(1, 2) a
--
SELECT a = ANY (ARRAY[1, 3]), a <> ALL (ARRAY[1, 3]), a < ANY (ARRAY[2]), a = ANY (NULL::int[]) FROM generate_series(1, 3) a
--
SELECT a::text || 'x', a::float8, a::numeric(5, 2), a::bigint, (a || '')::int FROM generate_series(1, 2) a
--
SELECT date '2024-01-31' + a, date '2024-03-01' - date '2024-02-01', timestamp '2024-01-01' + interval '1 day' * a FROM generate_series(1, 2) a
--
SELECT '{"a": {"b": [1, 2]}}'::jsonb['a']['b'][1], ('{"a": 1}'::jsonb)['x']
--
SELECT x::bpchar(4) = 'ab', x::bpchar(4) || '|' FROM (VALUES ('ab'), ('ab  ')) t(x)
--
SELECT x, y, x = y, x < y FROM (VALUES (1.0, 1.00), (1.5, 2)) t(x, y)
--
SELECT x = y, x < y, x > y FROM (VALUES ('NaN'::float8, 'NaN'::float8), (1, 'NaN'), ('Infinity', 1)) t(x, y)
--
SELECT max(x), count(*) FROM (VALUES ('a  '::bpchar), ('a'), ('b')) t(x) GROUP BY x ORDER BY x
--
SELECT a FROM (VALUES (3), (NULL), (1), (2)) t(a) ORDER BY a DESC
--
SELECT a FROM (VALUES ('b'), (NULL), ('a'), ('C')) t(a) ORDER BY a COLLATE "C" NULLS FIRST
--
SELECT a, b FROM (VALUES (1, 2.5), (1, 2.25), (0, 9)) t(a, b) ORDER BY a, b DESC
