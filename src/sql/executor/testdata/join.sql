SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) l(i, x) JOIN (VALUES (2, 'p'), (3, 'q'), (3, 'r'), (4, 's')) r(i, y) USING (i) ORDER BY 1, 2, 3
--
SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (NULL, 'c')) l(i, x) LEFT JOIN (VALUES (2, 'p'), (NULL, 'q')) r(i, y) ON l.i = r.i ORDER BY x
--
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) l(i, x) FULL JOIN (VALUES (2, 'p'), (3, 'q')) r(i, y) ON l.i = r.i ORDER BY x, y
--
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) l(i, x) RIGHT JOIN (VALUES (2, 'p'), (3, 'q')) r(i, y) ON l.i = r.i AND x = 'b' ORDER BY y
--
SELECT * FROM generate_series(1, 3) a, generate_series(1, 3) b WHERE a < b ORDER BY 1, 2
--
SELECT * FROM generate_series(1, 3) a CROSS JOIN LATERAL (SELECT a * 10 + b AS c FROM generate_series(1, a) b) s ORDER BY 1, 2
--
SELECT a, s.m FROM generate_series(1, 4) a LEFT JOIN LATERAL (SELECT max(b) AS m FROM generate_series(1, 10) b WHERE b % a = 3) s ON true ORDER BY 1
--
SELECT a FROM generate_series(1, 10) a WHERE a IN (SELECT b * 2 FROM generate_series(1, 3) b) ORDER BY 1
--
SELECT a FROM generate_series(1, 5) a WHERE a NOT IN (SELECT b FROM (VALUES (1), (3)) t(b)) ORDER BY 1
--
SELECT a FROM generate_series(1, 5) a WHERE a NOT IN (SELECT b FROM (VALUES (1), (NULL)) t(b)) ORDER BY 1
--
SELECT a FROM generate_series(1, 5) a WHERE EXISTS (SELECT 1 FROM generate_series(3, 9) b WHERE b = a) ORDER BY 1
--
SELECT a FROM generate_series(1, 5) a WHERE NOT EXISTS (SELECT 1 FROM generate_series(3, 9) b WHERE b = a) ORDER BY 1
--
SELECT a, (SELECT sum(b) FROM generate_series(1, 10) b WHERE b <= a) FROM generate_series(1, 4) a ORDER BY 1
--
SELECT a, (SELECT count(*) FROM (VALUES (1), (2), (2)) t(b) WHERE b = a) FROM generate_series(1, 3) a ORDER BY 1
--
SELECT a FROM (VALUES (1, 10), (2, 20), (2, 40)) t(k, a) WHERE a > (SELECT avg(b) FROM (VALUES (1, 5), (2, 30)) u(k, b) WHERE u.k = t.k) ORDER BY 1
--
SELECT a, a > ALL (SELECT b FROM generate_series(1, 3) b), a = ANY (SELECT b FROM generate_series(1, 3) b) FROM generate_series(2, 4) a ORDER BY 1
--
SELECT ARRAY(SELECT a * a FROM generate_series(1, 4) a ORDER BY a DESC)
--
SELECT (SELECT 1 WHERE false), (SELECT b FROM (VALUES (1), (2)) t(b) WHERE b = 2)
--
SELECT (SELECT b FROM (VALUES (1), (2)) t(b))
--
SELECT a FROM generate_series(1, 3) a UNION SELECT b FROM generate_series(2, 5) b ORDER BY 1
--
SELECT a FROM generate_series(1, 3) a UNION ALL SELECT b FROM generate_series(2, 4) b ORDER BY 1
--
SELECT x FROM (VALUES (1), (1), (2), (3)) t(x) INTERSECT ALL SELECT y FROM (VALUES (1), (1), (1), (3)) u(y) ORDER BY 1
--
SELECT x FROM (VALUES (1), (1), (2), (3)) t(x) EXCEPT ALL SELECT y FROM (VALUES (1), (3)) u(y) ORDER BY 1
--
SELECT x FROM (VALUES (1), (1), (2), (NULL)) t(x) EXCEPT SELECT y FROM (VALUES (1), (3)) u(y) ORDER BY 1
--
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n), count(*) FROM t
--
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 4
--
WITH RECURSIVE t(a, b) AS (SELECT 0, 1 UNION SELECT b, (a + b) % 10 FROM t) SELECT count(*) FROM t
--
WITH x AS MATERIALIZED (SELECT a FROM generate_series(1, 5) a), y AS (SELECT a * 2 AS b FROM x) SELECT x.a, y.b FROM x JOIN y ON x.a = y.b ORDER BY 1
--
WITH RECURSIVE tree(id, parent) AS (VALUES (1, NULL::int), (2, 1), (3, 1), (4, 2), (5, 4)), walk AS (SELECT id, ARRAY[id] AS path FROM tree WHERE parent IS NULL UNION ALL SELECT t.id, w.path || t.id FROM tree t JOIN walk w ON t.parent = w.id) SELECT id, path FROM walk ORDER BY path
--
SELECT a, generate_series(1, a) FROM generate_series(1, 3) a ORDER BY 1, 2
--
SELECT generate_series(1, 2), generate_series(1, 3)
--
SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(10, 12)) WITH ORDINALITY AS t(a, b, n)
--
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['x', 'y', 'z']) AS t(a, b)
--
SELECT a FROM generate_series(1, 10) a ORDER BY a DESC LIMIT 3 OFFSET 2
--
SELECT x FROM (VALUES (1), (2), (2), (3), (2)) t(x) ORDER BY x FETCH FIRST 2 ROWS WITH TIES
--
SELECT l.a, r.b FROM generate_series(1, 3) l(a) JOIN (VALUES (1::bigint), (3::bigint)) r(b) ON l.a = r.b ORDER BY 1
--
SELECT count(*) FROM generate_series(1, 20000) a JOIN generate_series(5000, 30000) b ON a = b
--
SELECT * FROM (VALUES (1, 2), (3, 4)) t(a, b) WHERE (a, b) IN (SELECT 3, 4)
--
SELECT * FROM (VALUES (NULL::int), (1)) a(x) JOIN (VALUES (NULL::int), (1)) b(y) ON x IS NOT DISTINCT FROM y ORDER BY 1
