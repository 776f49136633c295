-- Strings.
SELECT length('grün'), octet_length('grün'), upper('abc'), lower('ABC'), initcap('hello world'), reverse('abc'), repeat('ab', 3);
SELECT substring('abcdef' FROM 2 FOR 3), substr('abcdef', 3), left('abc', 2), right('abc', 2), left('abc', -1), position('c' IN 'abc'), strpos('abc', 'z');
SELECT trim('  x '), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xax', 'x'), lpad('7', 3, '0'), rpad('a', 3, '.'), lpad('abcd', 2);
SELECT replace('aXbX', 'X', '-'), translate('12345', '143', 'ax'), split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), overlay('abcdef' PLACING 'ZZ' FROM 2 FOR 3);
SELECT concat('a', NULL, 1), concat_ws('-', 'a', NULL, 'b'), 'a' || NULL, format('%s %I %L %%', 'a', 'b c', 'd''e'), quote_ident('A b'), quote_literal('it''s'), quote_nullable(NULL);
SELECT md5('abc'), encode('abc', 'base64'), decode('YWJj', 'base64'), encode('\x01ff', 'hex'), ascii('a'), chr(8364), to_hex(255);
SELECT regexp_replace('foobar', 'o+', '0'), regexp_replace('a1b2', '\d', '#', 'g'), regexp_match('foobar', '(o+)(b)'), regexp_split_to_array('a, b,c', ',\s*');
SELECT * FROM regexp_matches('a1b22', '(\d+)', 'g') m;
SELECT string_to_array('a,b,,c', ','), string_to_array('a,b', NULL), array_to_string(ARRAY[1, NULL, 3], ',', '*'), starts_with('abc', 'ab');
SELECT * FROM string_to_table('x|y|z', '|') WITH ORDINALITY;
SELECT to_char(1234567.891, '9,999,999.99'), to_char(42, '0000'), to_char(-5, '99PR'), to_number('1,234.5', '9,999.9'), to_char(0.5, '0.00%');
SELECT 'a' < 'B' COLLATE "C", 'Z' < 'a' COLLATE "C";
SELECT repeat('x', -1) = '', substring('abc' FROM -1 FOR 3), substring('foobar' FROM 'o(.)b');
SELECT substring('abc' FROM 1 FOR -1);
SELECT chr(0);
SELECT split_part('a', ',', 0);
SELECT 'a' ~ '(';
