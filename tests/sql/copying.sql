-- COPY.
CREATE TABLE t (a int PRIMARY KEY, b text, c numeric);
COPY t FROM STDIN;
1	one	1.50
2	two\twith tab	\N
3	\\backslash	3
\.
COPY t FROM STDIN WITH (FORMAT csv, HEADER);
a,b,c
4,"quoted, ""text""",4.25
5,,
\.
COPY t (a, b) FROM STDIN (DELIMITER '|', NULL 'nil');
6|nil
7|x
\.
COPY t TO STDOUT;
COPY (SELECT a, b, c FROM t ORDER BY a DESC LIMIT 4) TO STDOUT WITH CSV HEADER;
COPY (SELECT a, b FROM t ORDER BY a) TO STDOUT (FORMAT csv, FORCE_QUOTE *, NULL '-');
COPY t FROM STDIN;
8	x	notanumber
\.
COPY t FROM STDIN;
9	x
\.
COPY t FROM STDIN;
1	again	1
\.
