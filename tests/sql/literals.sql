-- Literals, operators, precedence.
SELECT 1, -1, 1.50, 1e3, .5, 'a''b', E'a\tb', U&'\0041', $$x$$, B'101', X'1F', true, NULL;
SELECT 2 + 3 * 4, (2 + 3) * 4, 7 / 2, -7 / 2, 7 % 3, -7 % 3, 2 ^ 10, |/ 16.0, @ -5, 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4;
SELECT 1 = 1, 1 <> 2, 'a' < 'b', NULL = NULL, NULL IS NULL, 1 IS DISTINCT FROM NULL, 3 BETWEEN 1 AND 5, 2 IN (1, 2, NULL), 4 NOT IN (1, NULL);
SELECT true AND NULL, false AND NULL, true OR NULL, NOT NULL::bool;
SELECT 2147483647 + 1;
SELECT 32767::smallint + 1::smallint;
SELECT 1 / 0;
SELECT 0.1 + 0.2, 0.1::float8 + 0.2::float8, 1 / 3.0, round(2.5), round(-2.5), round(2.5::float8), trunc(-1.7);
SELECT (1, 'a') = (1, 'a'), ROW(1, 2) < ROW(1, 3), ROW(1, NULL) IS NULL;
SELECT CASE WHEN 1 > 2 THEN 'a' WHEN 2 > 1 THEN 'b' ELSE 'c' END, CASE 3 WHEN 1 THEN 'x' END, COALESCE(NULL, 2), NULLIF(1, 1), GREATEST(1, 3, 2), LEAST(NULL, 2);
SELECT 'abc' LIKE 'a%', 'abc' ILIKE 'A_C', 'abc' SIMILAR TO '(a|b)%', 'abc' ~ '^a.c$', 'ABC' ~* 'b', 'a%c' LIKE 'a\%c';
SELEC 1;
SELECT 1 +;
SELECT 'open
;
';
SELECT nothing;
SELECT 1 + 'x';
SELECT true + 1;
