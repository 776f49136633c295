-- WHERE CURRENT OF, positions, what pg_cursors knows, cursors and savepoints.
CREATE TABLE item (id int PRIMARY KEY, v text);
CREATE TABLE other (id int);
INSERT INTO item SELECT g, 'v' || g FROM generate_series(1, 5) g;
BEGIN;
DECLARE c CURSOR FOR SELECT v, id FROM item ORDER BY id DESC FOR UPDATE;
UPDATE item SET v = 'x' WHERE CURRENT OF c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT v, id FROM item FOR UPDATE;
FETCH 2 FROM c;
UPDATE item SET v = 'second' WHERE CURRENT OF c RETURNING id, v;
UPDATE item SET v = v || '!' WHERE CURRENT OF c RETURNING v;
FETCH c;
DELETE FROM item WHERE CURRENT OF c RETURNING id;
DELETE FROM item WHERE CURRENT OF c RETURNING id;
SAVEPOINT s;
DELETE FROM other WHERE CURRENT OF c;
ROLLBACK TO s;
UPDATE item SET v = 'none' WHERE CURRENT OF nobody;
ROLLBACK TO s;
FETCH ALL FROM c;
UPDATE item SET v = 'none' WHERE CURRENT OF c;
ROLLBACK TO s;
DECLARE j CURSOR FOR SELECT * FROM item JOIN other USING (id);
UPDATE item SET v = 'none' WHERE CURRENT OF j;
ROLLBACK TO s;
DECLARE g CURSOR FOR SELECT count(*) FROM item;
UPDATE item SET v = 'none' WHERE CURRENT OF g;
ROLLBACK TO s;
SELECT name, is_holdable, is_scrollable FROM pg_cursors ORDER BY name;
COMMIT;
SELECT * FROM item ORDER BY id;
SELECT count(*) FROM pg_cursors;
-- A cursor from before a savepoint outlives a failure after it.
BEGIN;
DECLARE a CURSOR FOR SELECT id FROM item ORDER BY id;
SAVEPOINT s;
SELECT 1 / 0;
ROLLBACK TO s;
FETCH a;
COMMIT;
-- What cannot be declared.
BEGIN;
DECLARE bad SCROLL CURSOR FOR SELECT * FROM item FOR UPDATE;
ROLLBACK;
DECLARE bad CURSOR WITH HOLD FOR SELECT * FROM item FOR SHARE;
DECLARE bad CURSOR WITH HOLD FOR WITH d AS (DELETE FROM item RETURNING *) SELECT * FROM d;
DECLARE fails CURSOR WITH HOLD FOR SELECT 6 / (id - 1) FROM item ORDER BY id;
-- A view's rows are not found by a cursor.
CREATE VIEW seen AS SELECT * FROM item;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM item;
FETCH c;
UPDATE seen SET v = 'x' WHERE CURRENT OF c;
ROLLBACK;
PREPARE by_id(int) AS SELECT * FROM item WHERE id = $1;
CREATE TEMP TABLE picked AS EXECUTE by_id(1);
SELECT * FROM picked;
EXECUTE by_id(DATE '2024-01-01');
-- DO UPDATE with subqueries over the existing and the proposed row.
INSERT INTO item VALUES (1, 'new') ON CONFLICT (id) DO UPDATE SET v = (SELECT item.v || excluded.v || count(*) FROM other)
  WHERE EXISTS (SELECT 1 FROM generate_series(1, 2) g WHERE g > item.id) RETURNING *;
INSERT INTO item VALUES (1, 'row') ON CONFLICT (id) DO UPDATE SET (v, id) = (SELECT excluded.v, item.id) RETURNING *;
-- PREPARE TRANSACTION ends the block.
BEGIN;
INSERT INTO item VALUES (9, 'gone');
PREPARE TRANSACTION 'p';
SELECT count(*) FROM item WHERE id = 9;
