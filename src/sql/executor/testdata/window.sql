SELECT a, row_number() OVER w, rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, ntile(3) OVER w FROM (VALUES (1), (2), (2), (3), (5)) t(a) WINDOW w AS (ORDER BY a)
--
SELECT k, v, sum(v) OVER (PARTITION BY k ORDER BY v), count(*) OVER (PARTITION BY k), lag(v) OVER (PARTITION BY k ORDER BY v), lead(v, 2, -1) OVER (PARTITION BY k ORDER BY v) FROM (VALUES ('a', 1), ('a', 3), ('b', 2), ('a', 7), ('b', 5)) t(k, v) ORDER BY k, v
--
SELECT a, sum(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), avg(a) OVER (ORDER BY a ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM generate_series(1, 6) a
--
SELECT a, sum(a) OVER (ORDER BY a RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING), count(*) OVER (ORDER BY a DESC RANGE BETWEEN 2 PRECEDING AND CURRENT ROW) FROM (VALUES (1), (2), (4), (4), (7)) t(a) ORDER BY a
--
SELECT a, array_agg(a) OVER (ORDER BY a GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM (VALUES (1), (2), (2), (5), (9)) t(a)
--
SELECT a, array_agg(a) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW), array_agg(a) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES), array_agg(a) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP) FROM (VALUES (1), (2), (2), (3)) t(a)
--
SELECT a, first_value(a) OVER w, last_value(a) OVER w, nth_value(a, 2) OVER w FROM generate_series(1, 5) a WINDOW w AS (ORDER BY a ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING)
--
SELECT d, count(*) OVER (ORDER BY d RANGE BETWEEN '3 days' PRECEDING AND '1 day' FOLLOWING) FROM (VALUES (date '2024-01-01'), ('2024-01-03'), ('2024-01-05'), ('2024-02-01')) t(d)
--
SELECT a, sum(a) FILTER (WHERE a % 2 = 0) OVER (ORDER BY a) FROM generate_series(1, 6) a
--
SELECT a, rank() OVER (ORDER BY a % 3), row_number() OVER (ORDER BY a DESC) FROM generate_series(1, 6) a ORDER BY a
--
SELECT a, sum(sum(a)) OVER (ORDER BY a) FROM generate_series(1, 4) a GROUP BY a
--
SELECT a, sum(a) OVER () FROM generate_series(1, 3) a
--
SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM (VALUES (1), (2), (NULL), (4)) t(x)
--
SELECT ntile(0) OVER () FROM generate_series(1, 2)
--
SELECT max(n), min(s), max(s) FROM (SELECT row_number() OVER (ORDER BY a) n, sum(a) OVER (ORDER BY a) s FROM generate_series(1, 5000) a) t
