//! Scans as the executor runs them: access paths, directions, filters before the other columns, index-only reads.

use super::storage;
use super::tests::{World, column, index, people, row, show, table};
use crate::error::Result;
use crate::kv::Durability;
use crate::sql::catalog::objects::{Column, RelationRef, UserFunction};
use crate::sql::executor::context::{DomainDef, Routines, RowIter};
use crate::sql::executor::source::{Access, IndexRange, LockOutcome, LookupRequest, Piece, RowFilter, ScanRequest, Storage};
use crate::sql::executor::{Batch, ColumnKind, ExecCx, ExecState};
use crate::sql::expr::context::{CallSite, SessionServices};
use crate::sql::expr::registry::Function;
use crate::sql::plan::{LockStrength, ScanColumn, WaitPolicy};
use crate::sql::types::{Datum, Oid};
use crate::txn::{Isolation, Txn};
use std::sync::Arc;

/// A session that can do nothing but not be interrupted.
struct Nobody;

impl SessionServices for Nobody {
    fn setting(&self, _: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, _: &str, _: Option<&str>, _: bool) -> Result<String> {
        unreachable!()
    }
    fn nextval(&self, _: Oid) -> Result<i64> {
        unreachable!()
    }
    fn currval(&self, _: Oid) -> Result<i64> {
        unreachable!()
    }
    fn lastval(&self) -> Result<i64> {
        unreachable!()
    }
    fn setval(&self, _: Oid, _: i64, _: bool) -> Result<i64> {
        unreachable!()
    }
    fn statement_timestamp(&self) -> i64 {
        0
    }
    fn current_user(&self) -> (String, Oid) {
        unreachable!()
    }
    fn session_user(&self) -> (String, Oid) {
        unreachable!()
    }
    fn database(&self) -> (String, Oid) {
        unreachable!()
    }
    fn search_path(&self, _: bool) -> Vec<String> {
        Vec::new()
    }
    fn backend_pid(&self) -> i32 {
        0
    }
    fn random(&self) -> f64 {
        0.0
    }
    fn set_seed(&self, _: f64) {}
    fn catalog_call(&self, _: &'static str, _: &[Datum], _: &CallSite) -> Result<Datum> {
        unreachable!()
    }
    fn notice(&self, _: crate::error::SqlError) {}
    fn check_interrupts(&self) -> Result<()> {
        Ok(())
    }
    fn sleep(&self, _: f64) -> Result<()> {
        Ok(())
    }
}

impl Routines for Nobody {
    fn call(&self, _: &Arc<UserFunction>, _: &[Datum], _: &CallSite) -> Result<Datum> {
        unreachable!()
    }
    fn call_set(&self, _: &Arc<UserFunction>, _: &[Datum], _: &CallSite) -> Result<RowIter> {
        unreachable!()
    }
    fn call_sql(&self, _: &'static Function, _: &'static str, _: &[Datum], _: &CallSite) -> Result<Datum> {
        unreachable!()
    }
    fn domain(&self, _: Oid) -> Result<Option<Arc<DomainDef>>> {
        Ok(None)
    }
    fn cursor_row(&self, _: &str, _: Oid) -> Result<Option<Datum>> {
        Ok(None)
    }
}

/// The stored tables of one transaction.
struct Only<'a>(&'a World, &'a Txn);

impl Storage for Only<'_> {
    fn scan(
        &self,
        _: &mut ExecCx<'_>,
        relation: &RelationRef,
        request: &ScanRequest,
    ) -> Result<Box<dyn crate::sql::executor::source::BatchSource>> {
        storage::scan(&self.0.cx(self.1), relation, request)
    }
    fn lookup(&self, _: &mut ExecCx<'_>, r: &RelationRef, q: &LookupRequest, keys: &[Vec<Datum>]) -> Result<(Batch, Vec<u32>)> {
        super::lookup(&self.0.cx(self.1), r, q, keys)
    }
    fn fetch_latest(&self, _: &mut ExecCx<'_>, r: &RelationRef, c: &[ScanColumn], key: &[u8]) -> Result<Option<Vec<Datum>>> {
        storage::fetch_latest(&self.0.cx(self.1), r, c, key)
    }
    fn lock_row(&self, _: &mut ExecCx<'_>, r: &RelationRef, key: &[u8], s: LockStrength, w: WaitPolicy) -> Result<LockOutcome> {
        storage::lock_row(&self.0.cx(self.1), r, key, s, w)
    }
    fn split(&self, _: &ExecCx<'_>, relation: &RelationRef, access: &Access, pieces: usize) -> Result<Vec<Piece>> {
        storage::split(&self.0.cx(self.1), relation, access, pieces)
    }
}

/// Keeps rows whose first column is even.
struct Even;

impl RowFilter for Even {
    fn apply(&mut self, _: &mut ExecCx<'_>, batch: &mut Batch) -> Result<()> {
        let keep: Vec<u32> =
            batch.positions().filter(|&i| batch.columns[0].get_i64(i).is_some_and(|v| v % 2 == 0)).map(|i| i as u32).collect();
        batch.selection = Some(keep);
        Ok(())
    }
}

fn request(columns: &[(ScanColumn, ColumnKind)], access: Access) -> ScanRequest {
    ScanRequest {
        columns: columns.iter().map(|c| c.0).collect(),
        kinds: columns.iter().map(|c| c.1).collect(),
        access,
        reverse: false,
        filter_columns: vec![0],
        limit_hint: None,
        piece: None,
        any_order: false,
    }
}

fn run(world: &World, txn: &Txn, relation: &RelationRef, request: &ScanRequest, filter: bool) -> Vec<String> {
    let storage = Only(world, txn);
    let mut state = ExecState::default();
    let mut exec = ExecCx {
        io: world.cx(txn).io,
        session: &Nobody,
        storage: &storage,
        routines: &Nobody,
        params: &[],
        work_mem: 1 << 20,
        parallelism: 1,
        state: &mut state,
    };
    let mut source = storage.scan(&mut exec, relation, request).expect("opens");
    let mut out = Vec::new();
    let mut even = Even;
    while let Some(batch) = source.next(&mut exec, if filter { Some(&mut even) } else { None }).expect("scans") {
        for at in batch.positions() {
            out.push(batch.row(at).iter().map(show).collect::<Vec<_>>().join(":"));
        }
    }
    out
}

const ID: (ScanColumn, ColumnKind) = (ScanColumn::Column(0), ColumnKind::Int4);
const V: (ScanColumn, ColumnKind) = (ScanColumn::Column(1), ColumnKind::Int4);
const NAME: (ScanColumn, ColumnKind) = (ScanColumn::Column(2), ColumnKind::Text);

fn filled(count: i32) -> World {
    let world = World::new(vec![people()]);
    let relation = world.relation(20000);
    let txn = world.begin(Isolation::ReadCommitted);
    world
        .statement(&txn, |m| {
            let target = m.target(&relation)?;
            let rows: Vec<Vec<Datum>> = (1..=count).map(|i| row(i, i % 10, &format!("n{i:04}"))).collect();
            m.insert_many(&target, rows.iter().map(Vec::as_slice))
        })
        .expect("inserts");
    txn.commit_blocking(Durability::Sync).expect("commits");
    world
}

#[test]
fn table_scans_filter_first_and_go_both_ways() {
    let world = filled(3000);
    let relation = world.relation(20000);
    let txn = world.begin(Isolation::ReadCommitted);
    let mut ask = request(&[ID, NAME, V], Access::Table);
    let all = run(&world, &txn, &relation, &ask, false);
    assert_eq!((all.len(), &*all[0], &*all[2999]), (3000, "1:n0001:1", "3000:n3000:0"));
    let even = run(&world, &txn, &relation, &ask, true);
    assert_eq!((even.len(), &*even[0], &*even[1499]), (1500, "2:n0002:2", "3000:n3000:0"));
    ask.reverse = true;
    let mut backward = run(&world, &txn, &relation, &ask, false);
    backward.reverse();
    assert_eq!(all, backward);
    // A transaction's own changes are merged in.
    world.statement(&txn, |m| super::tests::delete(m, &relation, 2)).expect("deletes");
    txn.start_command();
    ask.reverse = false;
    assert_eq!(run(&world, &txn, &relation, &ask, true).len(), 1499);
}

#[test]
fn index_scans_answer_in_index_order() {
    let world = filled(200);
    let relation = world.relation(20000);
    let txn = world.begin(Isolation::ReadCommitted);
    let of = |n: usize, ranges| Access::Index { index: relation.indexes[n].oid, ranges };
    let equal = |values: Vec<Datum>| IndexRange { equal: values, ..IndexRange::default() };
    let by_v = request(&[ID, V, NAME], of(2, vec![equal(vec![Datum::Int4(3)]), equal(vec![Datum::Int4(5)])]));
    let found = run(&world, &txn, &relation, &by_v, false);
    assert_eq!((found.len(), &*found[0], &*found[20]), (40, "3:3:n0003", "5:5:n0005"));
    // Only what the index holds: the row is not read.
    let covered = request(&[V, ID], of(2, vec![equal(vec![Datum::Int4(9)])]));
    assert_eq!(run(&world, &txn, &relation, &covered, false)[..2], ["9:9", "9:19"]);
    let range = IndexRange {
        lower: Some((Datum::text("n0010"), false)),
        upper: Some((Datum::text("n0013"), true)),
        not_null: true,
        ..IndexRange::default()
    };
    let mut by_name = request(&[ID], of(1, vec![range]));
    by_name.limit_hint = Some(1);
    assert_eq!(run(&world, &txn, &relation, &by_name, false), ["11", "12", "13"]);
    by_name.reverse = true;
    assert_eq!(run(&world, &txn, &relation, &by_name, false), ["13", "12", "11"]);
    let points = request(&[ID, NAME], of(0, vec![equal(vec![Datum::Int4(7)]), equal(vec![Datum::Int4(999)])]));
    assert_eq!(run(&world, &txn, &relation, &points, false), ["7:n0007"]);
    let one = request(&[NAME], of(0, vec![equal(vec![Datum::Int4(8)])]));
    assert_eq!(run(&world, &txn, &relation, &one, false), ["n0008"]);
    let contradiction = IndexRange {
        lower: Some((Datum::Int4(9), true)),
        upper: Some((Datum::Int4(3), true)),
        not_null: true,
        ..IndexRange::default()
    };
    assert!(run(&world, &txn, &relation, &request(&[ID], of(0, vec![contradiction])), false).is_empty());
}

#[test]
fn compound_keys_nulls_and_missing_columns_are_decoded() {
    let columns = vec![column("a", Oid::TEXT, true), column("b", Oid::INT8, true), column("c", Oid::NUMERIC, false)];
    let mut relation = table(40000, "w", columns);
    index(&mut relation, "w_pkey", 0, true, &[0, 1]);
    let world = World::new(vec![relation]);
    for (a, b) in [("x", 2i64), ("x", 1), ("w", 5)] {
        world.insert(40000, &[Datum::text(a), Datum::Int8(b), Datum::Null]).expect("inserts");
    }
    let mut newer = crate::sql::catalog::objects::Relation::clone(&world.relation(40000));
    newer.columns.push(Column { missing: Some("7".into()), ..column("d", Oid::INT4, true) });
    let newer = Arc::new(newer);
    let txn = world.begin(Isolation::ReadCommitted);
    let columns = [
        (ScanColumn::Column(1), ColumnKind::Int8),
        (ScanColumn::Column(0), ColumnKind::Text),
        (ScanColumn::Column(2), ColumnKind::Numeric),
        (ScanColumn::Column(3), ColumnKind::Int4),
    ];
    let found = run(&world, &txn, &newer, &request(&columns, Access::Table), true);
    assert_eq!(found, ["2:x:-:7"]);
    let found = run(&world, &txn, &newer, &request(&columns, Access::Table), false);
    assert_eq!(found, ["5:w:-:7", "1:x:-:7", "2:x:-:7"]);
}
