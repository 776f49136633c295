-- Window functions.
CREATE TABLE score (team text, player text, points int);
INSERT INTO score VALUES ('x', 'a', 10), ('x', 'b', 20), ('x', 'c', 20), ('y', 'd', 5), ('y', 'e', 15);
SELECT team, player, row_number() OVER (PARTITION BY team ORDER BY points DESC, player), rank() OVER w, dense_rank() OVER w FROM score WINDOW w AS (PARTITION BY team ORDER BY points DESC) ORDER BY team, 3;
SELECT player, sum(points) OVER (ORDER BY player), sum(points) OVER (PARTITION BY team) FROM score ORDER BY player;
SELECT player, lag(points) OVER (ORDER BY player), lead(points, 2, -1) OVER (ORDER BY player), first_value(player) OVER (ORDER BY points, player), last_value(player) OVER (ORDER BY points, player) FROM score ORDER BY player;
SELECT points, avg(points) OVER (ORDER BY player ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM score ORDER BY player;
SELECT points, count(*) OVER (ORDER BY points RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) FROM score ORDER BY points;
SELECT points, array_agg(points) OVER (ORDER BY points GROUPS BETWEEN 1 PRECEDING AND 0 FOLLOWING EXCLUDE CURRENT ROW) FROM score ORDER BY points, player;
SELECT player, ntile(2) OVER (ORDER BY player), percent_rank() OVER (ORDER BY points), cume_dist() OVER (ORDER BY points), nth_value(player, 2) OVER (ORDER BY player ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM score ORDER BY player;
SELECT team, sum(points), rank() OVER (ORDER BY sum(points) DESC) FROM score GROUP BY team ORDER BY 1;
SELECT player, count(*) FILTER (WHERE points > 10) OVER (ORDER BY player) FROM score ORDER BY 1;
SELECT * FROM (SELECT player, row_number() OVER (ORDER BY points DESC, player) AS n FROM score) q WHERE n <= 2;
SELECT row_number() OVER () FROM score WHERE row_number() OVER () = 1;
SELECT rank() FROM score;
SELECT sum(points) OVER nothing FROM score;
SELECT ntile(0) OVER () FROM score;
