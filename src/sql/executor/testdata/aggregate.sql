SELECT count(*), count(a), sum(a), avg(a), min(a), max(a) FROM (VALUES (1), (2), (NULL), (4)) t(a)
--
SELECT a % 3 AS k, count(*), sum(a), avg(a::float8), string_agg(a::text, ',' ORDER BY a DESC) FROM generate_series(1, 10) a GROUP BY k ORDER BY k
--
SELECT count(DISTINCT a % 3), sum(DISTINCT a % 3), array_agg(DISTINCT a % 3 ORDER BY a % 3 DESC) FROM generate_series(1, 10) a
--
SELECT count(*) FILTER (WHERE a > 5), sum(a) FILTER (WHERE a % 2 = 0) FROM generate_series(1, 10) a
--
SELECT a % 2 AS x, a % 3 AS y, count(*), grouping(a % 2, a % 3) FROM generate_series(1, 10) a GROUP BY ROLLUP (a % 2, a % 3) ORDER BY 4, 1, 2
--
SELECT a % 2 AS x, a % 3 AS y, sum(a) FROM generate_series(1, 10) a GROUP BY CUBE (a % 2, a % 3) ORDER BY 1 NULLS FIRST, 2 NULLS FIRST
--
SELECT a % 2 AS x, count(*) FROM generate_series(1, 10) a GROUP BY GROUPING SETS ((a % 2), ()) ORDER BY 1
--
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a), percentile_disc(0.25) WITHIN GROUP (ORDER BY a), mode() WITHIN GROUP (ORDER BY a % 4) FROM generate_series(1, 10) a
--
SELECT percentile_cont(ARRAY[0, 0.25, 1]) WITHIN GROUP (ORDER BY a) FROM generate_series(1, 10) a
--
SELECT rank(5) WITHIN GROUP (ORDER BY a), dense_rank(5) WITHIN GROUP (ORDER BY a), percent_rank(5) WITHIN GROUP (ORDER BY a), cume_dist(5) WITHIN GROUP (ORDER BY a) FROM (VALUES (1), (3), (3), (5), (9)) t(a)
--
SELECT stddev(a), variance(a), stddev_pop(a), var_pop(a), stddev(a::float8), var_pop(a::float8) FROM generate_series(1, 7) a
--
SELECT corr(y, x), regr_slope(y, x), regr_intercept(y, x), regr_r2(y, x), covar_pop(y, x), covar_samp(y, x), regr_count(y, x) FROM (VALUES (1.0::float8, 2.0::float8), (2, 3.5), (3, 3), (4, 6)) t(x, y)
--
SELECT bool_and(a > 0), bool_or(a > 9), every(a < 5), bit_and(a), bit_or(a), bit_xor(a) FROM generate_series(1, 10) a
--
SELECT array_agg(ARRAY[a, a * 2]) FROM generate_series(1, 3) a
--
SELECT json_agg(a), jsonb_agg(a), json_object_agg(a, a * 2), jsonb_object_agg('k' || a, a) FROM generate_series(1, 3) a
--
SELECT sum(a), avg(a), sum(a::numeric(10,2)), avg(a::numeric(10,2)) FROM generate_series(1, 3) a WHERE a > 5
--
SELECT count(*) FROM generate_series(1, 3) a WHERE a > 5 GROUP BY a
--
SELECT sum(x), avg(x), min(x), max(x) FROM (VALUES (1.50), (2.25), (10)) t(x)
--
SELECT k, sum(v) FROM (VALUES ('a', 1), ('b', 2), ('a', 3), (NULL, 4), (NULL, 5)) t(k, v) GROUP BY k HAVING sum(v) > 2 ORDER BY k NULLS FIRST
--
SELECT DISTINCT a % 3 FROM generate_series(1, 10) a ORDER BY 1 DESC
--
SELECT DISTINCT ON (a % 3) a % 3, a FROM generate_series(1, 10) a ORDER BY a % 3, a DESC
--
SELECT sum(i), avg(i) FROM (VALUES (interval '1 day 2 hours'), (interval '1 month 3 days')) t(i)
--
SELECT string_agg(x, y) FROM (VALUES ('a', ','), (NULL, ';'), ('c', '-')) t(x, y)
--
SELECT max(x), min(x) FROM (VALUES ('b'::text), ('a'), ('c')) t(x)
--
SELECT max(d), min(d) FROM (VALUES (date '2024-02-29'), (date '2023-01-01')) t(d)
--
SELECT count(*) FROM generate_series(1, 100000) a
--
SELECT a % 1000 AS k, count(*), sum(a) FROM generate_series(1, 100000) a GROUP BY 1 ORDER BY 1 LIMIT 3
