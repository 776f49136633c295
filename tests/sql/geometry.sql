-- Geometric types: arithmetic, relations, distances.
SELECT point(3, 4) + '(1,1)', point '(1,0)' * point '(0,1)', point '(2,2)' / point '(2,0)', point '(0,0)' <-> point '(3,4)', point '(1,2)' / point '(0,0)';
SELECT point '(1,1)' ~= point '(1,1.0000001)', point '(0,0)' << point '(1,0)', point '(0,1)' |>> point '(0,0)', point '(1,1)' <@ box '((0,0),(2,2))';
SELECT box '((0,0),(2,2))' && box '((1,1),(3,3))', box '((0,0),(3,3))' @> box '((1,1),(2,2))', box '((0,0),(1,1))' # box '((0.5,0.5),(2,2))', box '((0,0),(1,1))' # box '((5,5),(6,6))';
SELECT area(box '((0,0),(2,3))'), width(box '((0,0),(2,3))'), diagonal(box '((0,0),(1,1))'), box '((0,0),(1,1))' + point '(2,2)', box '((0,0),(1,1))' * point '(0,2)';
SELECT area(circle '<(0,0),1>'), diameter(circle '<(0,0),2>'), circle '<(0,0),2>' @> point '(1,1)', circle '<(0,0),1>' <-> circle '<(5,0),1>', circle '<(0,0),3>' @> circle '<(1,0),1>';
SELECT lseg '[(0,0),(2,2)]' # lseg '[(0,2),(2,0)]', lseg '[(0,0),(1,0)]' ?|| lseg '[(0,1),(5,1)]', lseg '[(0,0),(1,0)]' ?-| lseg '[(0,0),(0,1)]', length(lseg '[(0,0),(3,4)]'), ?- lseg '[(0,0),(1,0)]';
SELECT line '{1,-1,0}' # line '{1,1,-2}', line '{1,-1,0}' ?|| line '{1,-1,5}', line '{1,-1,0}' <-> line '{1,-1,5}', line(point '(0,0)', point '(1,2)'), point '(3,0)' <-> line '{1,-1,0}';
SELECT line(point '(1,1)', point '(1,1)');
SELECT polygon '((0,0),(4,0),(4,4),(0,4))' @> point '(2,2)', polygon '((0,0),(4,0),(4,4),(0,4))' @> polygon '((1,1),(2,1),(2,2))', polygon '((0,0),(1,1),(2,0))' ~= polygon '((1,1),(2,0),(0,0))', polygon '((0,0),(1,0),(0,1))' && polygon '((5,5),(6,5),(5,6))', polygon '((0,0),(1,0),(0,1))' <-> polygon '((5,0),(6,0),(5,1))';
SELECT isopen('[(0,0),(1,1)]'), pclose('[(0,0),(1,1)]'), npoints(path '((0,0),(1,1),(2,0))'), area(path '((0,0),(2,0),(2,2),(0,2))'), length(path '((0,0),(3,0),(3,4))'), path '[(0,0),(1,1)]' + path '[(2,2),(3,3)]';
SELECT point '(5,1)' ## lseg '[(0,0),(4,0)]', point '(5,5)' ## box '((0,0),(2,2))', point '(1,1)' <-> polygon '((3,0),(5,0),(5,2),(3,2))', npoints(polygon(6, circle '<(0,0),1>'));
SELECT (box '((0,0),(1,2))')[0], (line '{1,2,3}')[2], (point '(1,2)')[7] IS NULL;
