-- JSON and arrays.
SELECT '{"a": [1, 2, {"b": null}], "c": "x"}'::jsonb, '{"b":1,  "a":2,"b":3}'::jsonb, '[1,  2]'::json;
SELECT j -> 'a' -> 1, j ->> 'c', j #> '{a,2,b}', j #>> '{a,0}', j -> 'none' FROM (SELECT '{"a": [1, 2, {"b": null}], "c": "x"}'::jsonb j) t;
SELECT '{"a":1,"b":2}'::jsonb @> '{"a":1}', '{"a":1}'::jsonb ? 'a', '["x","y"]'::jsonb ?| ARRAY['y'], '{"a":1}'::jsonb || '{"b":2}', '{"a":1,"b":2}'::jsonb - 'a';
SELECT jsonb_build_object('a', 1, 'b', ARRAY[1, 2]), json_build_array(1, 'x', NULL), to_jsonb(ROW(1, 'x')), jsonb_set('{"a":{"b":1}}', '{a,b}', '2'), jsonb_strip_nulls('{"a":null,"b":1}');
SELECT * FROM jsonb_each('{"a":1,"b":"x"}');
SELECT * FROM jsonb_array_elements('[1, "x", null]');
SELECT * FROM jsonb_to_recordset('[{"a":1,"b":"x"},{"a":2}]') AS r(a int, b text);
SELECT jsonb_typeof('[]'), jsonb_array_length('[1,2,3]'), jsonb_pretty('{"a":[1,2]}'), row_to_json(ROW(1, 2));
SELECT jsonb_path_query_array('{"a":[1,2,3]}', '$.a[*] ? (@ > 1)'), '{"a":5}'::jsonb @@ '$.a > 3', jsonb_path_exists('{"a":1}', '$.b');
SELECT '{"a":'::json;
SELECT ARRAY[1, 2] || 3, ARRAY[1, 2] || ARRAY[3], (ARRAY[1, 2, 3])[2:3], (ARRAY[1, 2])[5], array_length(ARRAY[[1, 2], [3, 4]], 2), cardinality(ARRAY[1, 2]), 2 = ANY (ARRAY[1, 2]);
SELECT array_append(ARRAY[1], 2), array_remove(ARRAY[1, 2, 1], 1), array_position(ARRAY['a', 'b'], 'b'), ARRAY[1, 2] @> ARRAY[2], ARRAY[1, 2] && ARRAY[3], array_fill(0, ARRAY[2, 2]);
SELECT u, o FROM unnest(ARRAY['x', 'y']) WITH ORDINALITY AS t(u, o);
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c']);
SELECT ARRAY[1, 'x'];
SELECT int4range(1, 5), '[1,5]'::int4range, int4range(1, 5) @> 3, int4range(1, 5) && int4range(4, 8), int4range(1, 5) * int4range(3, 9), upper('[1,5]'::int4range), '{[1,2],[5,6]}'::int4multirange;
