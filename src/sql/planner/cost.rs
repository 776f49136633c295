//! What work costs, in one place: the join order, the join methods and the access paths all ask here.
//!
//! The unit is PostgreSQL's (reading a page in sequence is 1), so that EXPLAIN's numbers are of a familiar size; on this engine it
//! comes to about 6 microseconds. What differs from PostgreSQL was measured on TPC-H data in memory:
//!
//! | work | microseconds | cost |
//! |---|---|---|
//! | row of a sequential scan, columns decoded | 0.2 - 0.3 | page share + [`ROW`] |
//! | condition or expression on a row (vectorised) | 0.01 - 0.03 | [`OPERATOR`] |
//! | putting a row into a hash table | 0.15 | [`BUILD`] |
//! | looking a row up in a hash table | 0.06 | [`PROBE`] |
//! | row out of a join | 0.05 | [`JOINED`] |
//! | row by its key, many keys at a time | 2 - 3 | [`GET`] |
//! | opening a range of an index | 5 - 8 | [`SEEK`] |
//! | next entry of a range | 0.1 | [`ENTRY`] |
//! | running a plan again for another outer row | 20 | [`APPLY`] |

/// Handling one row of a scan.
pub const ROW: f64 = 0.01;
/// One operator or function call.
pub const OPERATOR: f64 = 0.0025;
/// One more index entry of a range.
pub const ENTRY: f64 = 0.015;
/// A row by its key, as one of many.
pub const GET: f64 = 0.45;
/// Opening a range of an index.
pub const SEEK: f64 = 1.0;
/// A row into a hash table.
pub const BUILD: f64 = 0.025;
/// A row looked up in a hash table.
pub const PROBE: f64 = 0.01;
/// A row out of a join.
pub const JOINED: f64 = 0.008;
/// A pair of rows in a nested loop.
pub const PAIR: f64 = 0.004;
/// A group of an aggregation.
pub const GROUP: f64 = 0.025;
/// Running a plan once more for another outer row.
pub const APPLY: f64 = 3.0;
/// Bytes of a page.
pub const PAGE: f64 = 8192.0;
/// Writing and reading a page of what does not fit into memory.
pub const SPILLED_PAGE: f64 = 4.0;
/// Bytes a hash table may take: twice the default `work_mem`.
pub const MEMORY: f64 = 8.0 * 1024.0 * 1024.0;
/// Bytes a row in memory takes beside its values.
pub const OVERHEAD: f64 = 32.0;

/// A side of a join: its rows, their width, and what making them costs.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Rows.
    pub rows: f64,
    /// Bytes of a row.
    pub width: f64,
    /// Cost of all of them.
    pub cost: f64,
}

/// Cost of a hash join of `keys` equalities with `rows` results: before the first row, and all.
pub fn hash_join(probe: Side, built: Side, keys: usize, rows: f64) -> (f64, f64) {
    let keys = keys.max(1) as f64;
    let bytes = |s: Side| s.rows * (s.width + OVERHEAD);
    let startup = built.cost + built.rows * (BUILD + OPERATOR * (keys - 1.0));
    let spilled = if bytes(built) > MEMORY { (bytes(built) + bytes(probe)) / PAGE * SPILLED_PAGE } else { 0.0 };
    let total = startup + probe.cost + probe.rows * (PROBE + OPERATOR * (keys - 1.0)) + rows * JOINED + spilled;
    (startup, total)
}

/// How an index answers lookups.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// Rows found per key.
    pub matches: f64,
    /// The whole key of a unique index is given.
    pub unique: bool,
    /// It is the rows' own order.
    pub clustered: bool,
    /// It has every column needed.
    pub covering: bool,
}

/// Cost of one lookup: before the first row, and all.
pub fn lookup(how: &Lookup) -> (f64, f64) {
    let direct = how.clustered || how.covering;
    if how.unique {
        let total = if direct { GET } else { 2.0 * GET };
        return (0.0, total + ROW);
    }
    let each = ROW + ENTRY + if direct { 0.0 } else { GET };
    (SEEK, SEEK + how.matches * each)
}

/// Cost of a lookup join with `rows` results after `conditions` further conditions.
pub fn lookup_join(outer: Side, how: &Lookup, conditions: usize, rows: f64) -> f64 {
    let one = lookup(how).1 + how.matches * OPERATOR * conditions as f64;
    outer.cost + outer.rows * one + rows * JOINED
}

/// Cost of a nested loop over all pairs with `conditions` conditions.
pub fn nested_loop(left: Side, right: Side, conditions: usize, rows: f64) -> f64 {
    let pair = PAIR + OPERATOR * conditions as f64;
    left.cost + right.cost + left.rows * right.rows * pair + rows * JOINED
}

/// Cost of reading a table from end to end under `conditions` conditions.
pub fn full_scan(pages: f64, rows: f64, conditions: usize) -> f64 {
    pages + rows * (ROW + OPERATOR * conditions as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_looked_up_many_are_hashed() {
        let outer = |rows| Side { rows, width: 16.0, cost: 0.0 };
        let inner = Side { rows: 100_000.0, width: 32.0, cost: full_scan(2000.0, 100_000.0, 0) };
        let how = Lookup { matches: 1.0, unique: true, clustered: true, covering: false };
        let cheaper = |rows| lookup_join(outer(rows), &how, 0, rows) < hash_join(outer(rows), inner, 1, rows).1;
        assert!(cheaper(100.0) && !cheaper(100_000.0));
    }

    #[test]
    fn the_smaller_side_is_hashed() {
        let (small, large) = (Side { rows: 10.0, width: 8.0, cost: 1.0 }, Side { rows: 1e6, width: 8.0, cost: 1e4 });
        assert!(hash_join(large, small, 1, 10.0).1 < hash_join(small, large, 1, 10.0).1);
    }
}
