//! Rows, indexes and constraints over the in-memory store.

use super::build::{drop_storage, for_each_row};
use super::*;
use crate::error::{Result, SqlError};
use crate::kv::Durability;
use crate::kv::memory::MemoryStore;
use crate::sql::catalog::objects::*;
use crate::sql::catalog::{Catalog, Change, schema_oid};
use crate::sql::executor::ColumnKind;
use crate::sql::executor::source::{LockOutcome, LookupRequest};
use crate::sql::plan::{LockStrength, ScanColumn, WaitPolicy as PlanWait};
use crate::sql::types::io::IoContext;
use crate::sql::types::{Datum, Oid, Type};
use crate::txn::{BeginOptions, Isolation, Options, RowMode, Transactions, Txn, WaitPolicy};
use std::sync::Arc;

/// `v <> -1` as a CHECK on every table's column `v`; `index_values` of expression indexes: `v * 2` where `v > 0`.
struct Exprs;

impl TableExprs for Exprs {
    fn index_values(&self, relation: &RelationRef, _: &Index, row: &[Datum]) -> Result<Option<Vec<Datum>>> {
        let at = relation.column("v").expect("has v");
        Ok(match row[at] {
            Datum::Int4(v) if v > 0 => Some(vec![Datum::Int4(v * 2)]),
            _ => None,
        })
    }

    fn check(&self, relation: &RelationRef, row: &[Datum]) -> Result<()> {
        match relation.column("v").map(|at| &row[at]) {
            Some(Datum::Int4(-1)) => {
                Err(messages::check_failed(&Catalog::bootstrap(), &IoContext::plain(), relation, "t_v_check", row))
            }
            _ => Ok(()),
        }
    }

    fn default_value(&self, _: &RelationRef, _: u16) -> Result<Datum> {
        Ok(Datum::Int8(0))
    }

    fn generate(&self, _: &RelationRef, _: &mut [Datum]) -> Result<()> {
        Ok(())
    }
}

pub(super) fn column(name: &str, ty: Oid, not_null: bool) -> Column {
    Column { not_null, ..Column::new(name, Type::new(ty), Oid::INVALID) }
}

pub(super) fn table(oid: u32, name: &str, columns: Vec<Column>) -> Relation {
    Relation {
        row_type: Oid(oid + 1),
        row_array_type: Oid(oid + 2),
        columns,
        storage: StorageId(oid),
        ..Relation::new(Oid(oid), schema_oid::PUBLIC, name, Oid(10), RelKind::Table)
    }
}

pub(super) fn index(relation: &mut Relation, name: &str, number: u16, unique: bool, columns: &[u16]) -> Oid {
    let oid = Oid(relation.oid.0 + 10 + u32::from(number));
    let keys = columns.iter().map(|&c| IndexKey {
        column: Some(c),
        expr: None,
        ty: relation.columns[usize::from(c)].ty,
        collation: Oid::INVALID,
        opclass: None,
        desc: false,
        nulls_first: false,
    });
    let made = Index {
        oid,
        name: name.into(),
        number,
        unique,
        primary: number == 0,
        nulls_not_distinct: false,
        keys: keys.collect(),
        include: Vec::new(),
        predicate: None,
        method: "btree".into(),
        constraint: None,
        options: Vec::new(),
    };
    relation.indexes.push(made);
    oid
}

fn constraint(oid: u32, name: &str, kind: ConstraintKind, deferrable: bool) -> Constraint {
    Constraint { oid: Oid(oid), name: name.into(), kind, deferrable, deferred: deferrable, validated: true, no_inherit: false }
}

fn foreign_key(relation: &mut Relation, target: &Relation, columns: &[u16], on_delete: FkAction, deferrable: bool) {
    let key = ForeignKey {
        columns: columns.to_vec(),
        target: target.oid,
        target_columns: vec![0],
        target_index: target.indexes[0].oid,
        on_update: FkAction::Cascade,
        on_delete,
        match_full: false,
        delete_set_columns: Vec::new(),
    };
    let oid = relation.oid.0 + 50;
    relation.constraints.push(constraint(oid, "c_p_fkey", ConstraintKind::ForeignKey(key), deferrable));
}

/// `t(id int primary key, v int, name text)` with a unique index on name and an index on (v).
pub(super) fn people() -> Relation {
    let columns = vec![column("id", Oid::INT4, true), column("v", Oid::INT4, false), column("name", Oid::TEXT, false)];
    let mut relation = table(20000, "t", columns);
    index(&mut relation, "t_pkey", 0, true, &[0]);
    index(&mut relation, "t_name_key", 1, true, &[2]);
    index(&mut relation, "t_v_idx", 2, false, &[1]);
    relation
}

pub(super) struct World {
    server: Arc<Transactions>,
    catalog: Catalog,
    tables: Arc<Tables>,
    pid: std::sync::atomic::AtomicI32,
}

impl World {
    pub(super) fn new(relations: Vec<Relation>) -> Self {
        let server = Transactions::open(MemoryStore::new(), Options::default()).expect("opens");
        let mut catalog = Catalog::bootstrap();
        for relation in relations {
            catalog.apply(&Change::Relation(Arc::new(relation)));
        }
        catalog.version = 1;
        let tables = server.extension::<Tables>();
        Self { server, catalog, tables, pid: 1.into() }
    }

    pub(super) fn begin(&self, isolation: Isolation) -> Txn {
        let pid = self.pid.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let proc = self.server.register(pid, 5, Arc::default());
        self.server.begin(&proc, BeginOptions { isolation, ..BeginOptions::default() })
    }

    pub(super) fn cx<'a>(&'a self, txn: &'a Txn) -> TableCx<'a> {
        TableCx { txn, tables: &self.tables, catalog: &self.catalog, io: Box::leak(Box::new(IoContext::plain())) }
    }

    pub(super) fn relation(&self, oid: u32) -> RelationRef {
        Arc::clone(self.catalog.relation(Oid(oid)).expect("exists"))
    }

    /// Runs one statement in `txn`.
    pub(super) fn statement<R>(&self, txn: &Txn, work: impl FnOnce(&mut Modifier<'_>) -> Result<R>) -> Result<R> {
        txn.start_command();
        let mut state = ModifyState::default();
        let mut modifier = Modifier::new(self.cx(txn), &Exprs, &mut state);
        let out = work(&mut modifier)?;
        modifier.finish()?;
        Ok(out)
    }

    /// Runs one statement in a transaction of its own.
    fn auto<R>(&self, work: impl FnOnce(&mut Modifier<'_>) -> Result<R>) -> Result<R> {
        let txn = self.begin(Isolation::ReadCommitted);
        let out = self.statement(&txn, work)?;
        txn.commit_blocking(Durability::Sync)?;
        Ok(out)
    }

    pub(super) fn insert(&self, oid: u32, row: &[Datum]) -> Result<Vec<u8>> {
        self.auto(|m| insert(m, self.relation(oid), row))
    }

    fn rows(&self, oid: u32) -> Vec<String> {
        let txn = self.begin(Isolation::ReadCommitted);
        let mut out = Vec::new();
        for_each_row(&self.cx(&txn), &self.relation(oid), |_, row| {
            out.push(row.iter().map(show).collect::<Vec<_>>().join(","));
            Ok(())
        })
        .expect("scans");
        out
    }

    fn faults(&self, oid: u32) -> Vec<String> {
        let txn = self.begin(Isolation::ReadCommitted);
        verify_table(self.cx(&txn), Some(&Exprs), &self.relation(oid)).expect("verifies").faults
    }
}

pub(super) fn show(value: &Datum) -> String {
    match value {
        Datum::Int4(v) => v.to_string(),
        Datum::Int8(v) => v.to_string(),
        Datum::Text(s) => s.to_string(),
        _ => "-".into(),
    }
}

fn insert(m: &mut Modifier<'_>, relation: RelationRef, row: &[Datum]) -> Result<Vec<u8>> {
    let target = m.target(&relation)?;
    m.insert(&target, row)
}

fn find(m: &mut Modifier<'_>, relation: &RelationRef, id: i32) -> (Target, Vec<u8>, Vec<Datum>) {
    let target = m.target(relation).expect("a target");
    let mut key = target.def.prefix.to_vec();
    target.def.key_columns[0].encode(&mut key, &Datum::Int4(id)).expect("encodes");
    let mut value = Vec::new();
    assert!(m.cx.txn.get(crate::kv::Keyspace::Data, &key, &mut value).expect("reads"), "row {id} is there");
    let row = target.def.decode_row(&key, &value).expect("decodes");
    (target, key, row)
}

pub(super) fn delete(m: &mut Modifier<'_>, relation: &RelationRef, id: i32) -> Result<()> {
    let (target, key, old) = find(m, relation, id);
    assert!(matches!(m.lock(&target, &key, &old, RowMode::Update, WaitPolicy::Block)?, Locked::Same));
    m.delete(&target, &key, &old)
}

pub(super) fn row(id: i32, v: i32, name: &str) -> Vec<Datum> {
    vec![Datum::Int4(id), Datum::Int4(v), Datum::text(name)]
}

fn detail(e: &SqlError) -> (String, String) {
    (e.to_string(), e.fields().detail.clone().unwrap_or_default())
}

#[test]
fn rows_and_indexes_follow_every_change() {
    let world = World::new(vec![people()]);
    for (id, name) in [(1, "a"), (2, "b"), (3, "c")] {
        world.insert(20000, &row(id, id * 10, name)).expect("inserts");
    }
    let relation = world.relation(20000);
    world
        .auto(|m| {
            let (target, key, old) = find(m, &relation, 2);
            m.update(&target, &key, &old, &row(7, 5, "z"))
        })
        .expect("updates");
    world.auto(|m| delete(m, &relation, 1)).expect("deletes");
    assert_eq!(world.rows(20000), ["3,30,c", "7,5,z"]);
    assert_eq!(world.faults(20000), Vec::<String>::new());
    // The key given up is free, the one taken is not.
    world.insert(20000, &row(2, 1, "b")).expect("inserts");
    assert!(world.insert(20000, &row(8, 1, "z")).is_err());
    assert_eq!(verify(&world.server, &world.catalog, &relation).expect("verifies").rows, 3);
}

#[test]
fn violations_read_like_postgresql() {
    let world = World::new(vec![people()]);
    world.insert(20000, &row(1, 10, "a")).expect("inserts");
    let e = world.insert(20000, &row(1, 11, "b")).expect_err("primary key");
    assert_eq!(
        detail(&e),
        ("23505: duplicate key value violates unique constraint \"t_pkey\"".into(), "Key (id)=(1) already exists.".into())
    );
    let e = world.insert(20000, &row(2, 11, "a")).expect_err("unique");
    assert_eq!(e.fields().detail.as_deref(), Some("Key (name)=(a) already exists."));
    assert_eq!((e.fields().schema.as_deref(), e.fields().table.as_deref()), (Some("public"), Some("t")));
    let e = world.insert(20000, &[Datum::Null, Datum::Int4(4), Datum::text("x".repeat(70))]).expect_err("not null");
    assert_eq!(
        detail(&e),
        (
            "23502: null value in column \"id\" of relation \"t\" violates not-null constraint".into(),
            format!("Failing row contains (null, 4, {}...).", "x".repeat(64))
        )
    );
    let e = world.insert(20000, &row(5, -1, "q")).expect_err("check");
    assert_eq!(detail(&e).1, "Failing row contains (5, -1, q).");
    // NULLs are distinct.
    for id in [10, 11] {
        world.insert(20000, &[Datum::Int4(id), Datum::Null, Datum::Null]).expect("inserts");
    }
    assert_eq!(world.faults(20000), Vec::<String>::new());
}

#[test]
fn a_table_without_a_key_keeps_insertion_order_across_restarts() {
    let world = World::new(vec![table(21000, "log", vec![column("v", Oid::INT4, false)])]);
    for v in [5, 3, 5] {
        world.insert(21000, &[Datum::Int4(v)]).expect("inserts");
    }
    world.tables.forget_storage(StorageId(21000));
    world.insert(21000, &[Datum::Int4(1)]).expect("inserts");
    assert_eq!(world.rows(21000), ["5", "3", "5", "1"]);
}

#[test]
fn lookups_and_row_locks_answer_the_executor() {
    let world = World::new(vec![people()]);
    for (id, v) in [(1, 7), (2, 7), (3, 8)] {
        world.insert(20000, &row(id, v, &format!("n{id}"))).expect("inserts");
    }
    let relation = world.relation(20000);
    let txn = world.begin(Isolation::ReadCommitted);
    let cx = world.cx(&txn);
    let columns = vec![ScanColumn::Column(0), ScanColumn::Column(2), ScanColumn::RowKey];
    let kinds = vec![ColumnKind::Int4, ColumnKind::Text, ColumnKind::Bytea];
    let ask = |n: usize, keys: &[Vec<Datum>]| {
        let request = LookupRequest { columns: columns.clone(), kinds: kinds.clone(), index: relation.indexes[n].oid };
        let (batch, origins) = super::lookup(&cx, &relation, &request, keys).expect("looks up");
        let ids: Vec<String> =
            (0..batch.len).map(|i| format!("{}{}", show(&batch.columns[0].get(i)), show(&batch.columns[1].get(i)))).collect();
        (ids, origins, batch)
    };
    let (found, origins, _) = ask(2, &[vec![Datum::Int4(8)], vec![Datum::Int4(7)], vec![Datum::Null]]);
    assert_eq!((found, origins), (vec!["3n3".into(), "1n1".into(), "2n2".to_string()], vec![0, 1, 1]));
    let (found, origins, _) = ask(1, &[vec![Datum::text("n2")], vec![Datum::text("no")]]);
    assert_eq!((found, origins), (vec!["2n2".to_string()], vec![0]));
    let (found, origins, batch) = ask(0, &[vec![Datum::Int4(9)], vec![Datum::Int4(3)]]);
    assert_eq!((found, origins), (vec!["3n3".to_string()], vec![1]));
    let key = batch.columns[2].get(0);
    let lock = |cx: &TableCx<'_>| {
        storage::lock_row(cx, &relation, key.as_bytes(), LockStrength::Update, PlanWait::SkipLocked).expect("locks")
    };
    assert_eq!(lock(&cx), LockOutcome::Locked);
    let other = world.begin(Isolation::ReadCommitted);
    assert_eq!(lock(&world.cx(&other)), LockOutcome::Skip);
    let e =
        storage::lock_row(&world.cx(&other), &relation, key.as_bytes(), LockStrength::Share, PlanWait::NoWait).expect_err("nowait");
    assert_eq!(e.to_string(), "55P03: could not obtain lock on row in relation \"t\"");
}

#[test]
fn read_committed_sees_the_row_it_waited_for() {
    let world = World::new(vec![people()]);
    world.insert(20000, &row(1, 10, "a")).expect("inserts");
    let relation = world.relation(20000);
    let change = |isolation| {
        let txn = world.begin(isolation);
        txn.start_command();
        let mut state = ModifyState::default();
        let mut m = Modifier::new(world.cx(&txn), &Exprs, &mut state);
        drop(txn.view());
        let (target, key, old) = find(&mut m, &relation, 1);
        world
            .auto(|m| {
                let (target, key, old) = find(m, &relation, 1);
                let mut new = old.clone();
                new[1] = Datum::Int4(old[1].as_int4() + 1);
                m.lock(&target, &key, &old, RowMode::NoKeyUpdate, WaitPolicy::Block)?;
                m.update(&target, &key, &old, &new)
            })
            .expect("updates");
        m.lock(&target, &key, &old, RowMode::NoKeyUpdate, WaitPolicy::Block)
    };
    let Locked::Changed(now) = change(Isolation::ReadCommitted).expect("locks") else { panic!("the row was changed") };
    assert_eq!(now[1].as_int4(), 11);
    assert_eq!(change(Isolation::RepeatableRead).expect_err("changed").code().as_str(), "40001");
}

#[test]
fn on_conflict_does_nothing_or_updates() {
    let world = World::new(vec![people()]);
    world.insert(20000, &row(1, 10, "a")).expect("inserts");
    let relation = world.relation(20000);
    let put = |m: &mut Modifier<'_>, new: Vec<Datum>, arbiters: &[Oid], lock| {
        let target = m.target(&relation)?;
        m.insert_on_conflict(&target, &new, arbiters, lock)
    };
    let got = world.auto(|m| put(m, row(2, 0, "a"), &[], None)).expect("nothing");
    assert!(matches!(got, Inserted::Conflict { .. }));
    let by_name = [relation.indexes[1].oid];
    let got = world.auto(|m| put(m, row(2, 0, "a"), &by_name, Some(RowMode::NoKeyUpdate))).expect("locks");
    let Inserted::Conflict { row: existing, .. } = got else { panic!("the name is taken") };
    assert_eq!(existing[0].as_int4(), 1);
    assert!(world.auto(|m| put(m, row(1, 0, "new"), &by_name, None)).is_err(), "the primary key is no arbiter");
    let twice = world.auto(|m| {
        put(m, row(5, 0, "e"), &by_name, Some(RowMode::Update))?;
        put(m, row(6, 0, "e"), &by_name, Some(RowMode::Update))
    });
    assert_eq!(twice.expect_err("twice").message(), "ON CONFLICT DO UPDATE command cannot affect row a second time");
}

fn family(on_delete: FkAction, deferrable: bool) -> World {
    let mut parent = table(30000, "p", vec![column("id", Oid::INT4, true)]);
    index(&mut parent, "p_pkey", 0, true, &[0]);
    let mut child = table(31000, "c", vec![column("id", Oid::INT4, true), column("p", Oid::INT8, false)]);
    index(&mut child, "c_pkey", 0, true, &[0]);
    foreign_key(&mut child, &parent, &[1], on_delete, deferrable);
    let world = World::new(vec![parent, child]);
    world.insert(30000, &[Datum::Int4(1)]).expect("inserts");
    world
}

fn child(id: i32, p: i64) -> Vec<Datum> {
    vec![Datum::Int4(id), Datum::Int8(p)]
}

#[test]
fn foreign_keys_hold_both_ways() {
    let world = family(FkAction::NoAction, false);
    world.insert(31000, &child(1, 1)).expect("inserts");
    world.insert(31000, &[Datum::Int4(2), Datum::Null]).expect("no reference");
    let e = world.insert(31000, &child(3, 9)).expect_err("no parent");
    assert_eq!(
        detail(&e),
        (
            "23503: insert or update on table \"c\" violates foreign key constraint \"c_p_fkey\"".into(),
            "Key (p)=(9) is not present in table \"p\".".into()
        )
    );
    let parent = world.relation(30000);
    let e = world.auto(|m| delete(m, &parent, 1)).expect_err("has a child");
    assert_eq!(
        detail(&e),
        (
            "23503: update or delete on table \"p\" violates foreign key constraint \"c_p_fkey\" on table \"c\"".into(),
            "Key (id)=(1) is still referenced from table \"c\".".into()
        )
    );
    // A key that comes back in the same statement is no loss; ON UPDATE CASCADE follows a change.
    world
        .auto(|m| {
            delete(m, &parent, 1)?;
            insert(m, Arc::clone(&parent), &[Datum::Int4(1)])
        })
        .expect("comes back");
    world
        .auto(|m| {
            let (target, key, old) = find(m, &parent, 1);
            m.update(&target, &key, &old, &[Datum::Int4(5)])
        })
        .expect("cascades");
    assert_eq!(world.rows(31000), ["1,5", "2,-"]);
}

#[test]
fn referential_actions_change_children() {
    for (action, left) in [(FkAction::Cascade, vec!["3,-"]), (FkAction::SetNull, vec!["1,-", "2,-", "3,-"])] {
        let world = family(action, false);
        world.insert(31000, &child(1, 1)).expect("inserts");
        world.insert(31000, &child(2, 1)).expect("inserts");
        world.insert(31000, &[Datum::Int4(3), Datum::Null]).expect("inserts");
        let parent = world.relation(30000);
        world.auto(|m| delete(m, &parent, 1)).expect("deletes");
        assert_eq!(world.rows(31000), left);
    }
}

#[test]
fn deferred_constraints_wait_for_the_end_and_follow_savepoints() {
    let world = family(FkAction::NoAction, true);
    let txn = world.begin(Isolation::ReadCommitted);
    let level = txn.savepoint();
    world.statement(&txn, |m| insert(m, world.relation(31000), &child(1, 7))).expect("put off");
    assert!(Deferred::is_pending(&txn));
    txn.rollback_to(level);
    assert!(!Deferred::is_pending(&txn));
    world.statement(&txn, |m| insert(m, world.relation(31000), &child(2, 8))).expect("put off");
    let check = |txn: &Txn| world.statement(txn, |m| m.check_deferred(None));
    assert_eq!(check(&txn).expect_err("no parent").code().as_str(), "23503");
    txn.rollback_to(level);
    world.statement(&txn, |m| insert(m, world.relation(31000), &child(3, 9))).expect("put off");
    world.statement(&txn, |m| insert(m, world.relation(30000), &[Datum::Int4(9)])).expect("inserts");
    check(&txn).expect("the parent came");
    Deferred::set(&txn, None, false);
    assert!(world.statement(&txn, |m| insert(m, world.relation(31000), &child(4, 99))).is_err());
}

#[test]
fn a_default_that_was_lost_itself_is_no_way_out() {
    let world = family(FkAction::SetDefault, false);
    world.insert(30000, &[Datum::Int4(0)]).expect("inserts");
    world.insert(31000, &child(1, 1)).expect("inserts");
    let parent = world.relation(30000);
    world.auto(|m| delete(m, &parent, 1)).expect("the default is there");
    let e = world.auto(|m| delete(m, &parent, 0)).expect_err("the default is gone");
    assert_eq!(e.fields().detail.as_deref(), Some("Key (id)=(0) is still referenced from table \"c\"."));
}

#[test]
fn a_deferrable_primary_key_may_be_shifted() {
    let mut relation = people();
    relation.indexes.truncate(1);
    let oid = relation.indexes[0].oid;
    relation
        .constraints
        .push(Constraint { deferred: false, ..constraint(20060, "t_pkey", ConstraintKind::PrimaryKey { index: oid }, true) });
    let world = World::new(vec![relation]);
    for id in 1..=3 {
        world.insert(20000, &row(id, id, "a")).expect("inserts");
    }
    let relation = world.relation(20000);
    let shift = |by: i32, last: bool| {
        world.auto(|m| {
            let target = m.target(&relation)?;
            let mut rows = Vec::new();
            let cx = m.cx;
            for_each_row(&cx, &relation, |key, row| {
                rows.push((key.to_vec(), row));
                Ok(())
            })?;
            for (key, old) in rows.iter().filter(|(_, old)| last || old[0].as_int4() < 4) {
                let mut new = old.clone();
                new[0] = Datum::Int4(old[0].as_int4() + by);
                m.update(&target, key, old, &new)?;
            }
            Ok(())
        })
    };
    shift(1, true).expect("shifts");
    assert_eq!(world.rows(20000), ["2,1,a", "3,2,a", "4,3,a"]);
    assert_eq!(shift(1, false).expect_err("collides").code().as_str(), "23505");
    assert_eq!(world.faults(20000), Vec::<String>::new());
    let e = world.auto(|m| {
        let target = m.target(&relation)?;
        m.insert_on_conflict(&target, &row(2, 0, "b"), &[], None)
    });
    assert_eq!(e.expect_err("no arbiter").code().as_str(), "55000");
}

#[test]
fn a_parent_being_deleted_is_waited_for() {
    let world = family(FkAction::NoAction, false);
    let deleter = world.begin(Isolation::ReadCommitted);
    world.statement(&deleter, |m| delete(m, &world.relation(30000), 1)).expect("deletes");
    let e = std::thread::scope(|s| {
        let waiting = s.spawn(|| world.insert(31000, &child(1, 1)));
        while !world.server.locks().list().iter().any(|l| !l.granted) {
            std::thread::yield_now();
        }
        deleter.commit_blocking(Durability::Sync).expect("commits");
        waiting.join().expect("no panic").expect_err("the parent has gone")
    });
    assert_eq!(e.code().as_str(), "23503");
}

#[test]
fn indexes_are_built_and_tables_rewritten() {
    let mut before = people();
    before.indexes.truncate(1);
    let world = World::new(vec![before]);
    for id in 1..=50 {
        world.insert(20000, &row(id, id % 7, &format!("n{id}"))).expect("inserts");
    }
    let with_index = |unique: bool, columns: &[u16]| {
        let mut relation = Relation::clone(&world.relation(20000));
        let oid = index(&mut relation, "t_new", 3, unique, columns);
        (Arc::new(relation), oid)
    };
    let (relation, oid) = with_index(true, &[1]);
    let e = world.auto(|m| m.build_index(&relation, oid)).expect_err("duplicates");
    assert_eq!(detail(&e).0, "23505: could not create unique index \"t_new\"");
    assert_eq!(detail(&e).1, "Key (v)=(1) is duplicated.");
    let (relation, oid) = with_index(true, &[2]);
    let txn = world.begin(Isolation::ReadCommitted);
    assert_eq!(world.statement(&txn, |m| m.build_index(&relation, oid)).expect("builds"), 50);
    assert_eq!(verify_table(world.cx(&txn), Some(&Exprs), &relation).expect("verifies").faults, Vec::<String>::new());
    // A new storage, keyed by v and id, with a column more.
    let mut new = Relation::clone(&relation);
    new.storage = StorageId(20900);
    new.indexes[0].keys = [1u16, 0].iter().map(|&c| IndexKey { column: Some(c), ..relation.indexes[0].keys[0].clone() }).collect();
    new.columns.push(column("extra", Oid::INT8, true));
    let new = Arc::new(new);
    let add = |mut row: Vec<Datum>| {
        row.push(Datum::Int8(1));
        Ok(row)
    };
    assert_eq!(world.statement(&txn, |m| m.rewrite(&relation, &new, add)).expect("rewrites"), 50);
    let mut first = Vec::new();
    for_each_row(&world.cx(&txn), &new, |_, row| {
        first.push(row.iter().map(show).collect::<Vec<_>>().join(","));
        Ok(())
    })
    .expect("scans");
    assert_eq!((first.len(), first[0].as_str()), (50, "7,0,n7,1"));
    drop_storage(&world.cx(&txn), new.storage).expect("drops");
    txn.commit_blocking(Durability::Sync).expect("commits");
    assert!(world.rows(20000).is_empty());
}

#[test]
fn old_rows_get_the_default_of_a_new_column() {
    let world = World::new(vec![people()]);
    world.insert(20000, &row(1, 1, "a")).expect("inserts");
    let mut relation = Relation::clone(&world.relation(20000));
    relation.columns.push(Column { missing: Some("42".into()), ..column("extra", Oid::INT4, true) });
    relation.columns[1].dropped = true;
    let relation = Arc::new(relation);
    let txn = world.begin(Isolation::ReadCommitted);
    for_each_row(&world.cx(&txn), &relation, |_, row| {
        assert_eq!(row.iter().map(show).collect::<Vec<_>>(), ["1", "-", "a", "42"]);
        Ok(())
    })
    .expect("scans");
}

#[test]
fn a_row_from_before_a_column_was_dropped_is_the_row_that_was_seen() {
    let mut world = World::new(vec![people()]);
    world.insert(20000, &row(1, 7, "a")).expect("inserts");
    let mut relation = Relation::clone(&world.relation(20000));
    relation.indexes.truncate(2);
    relation.columns[1].dropped = true;
    world.catalog.apply(&Change::Relation(Arc::new(relation)));
    let relation = world.relation(20000);
    let txn = world.begin(Isolation::RepeatableRead);
    drop(txn.view());
    // Another commit makes the layer look at the row again.
    world.insert(20000, &[Datum::Int4(2), Datum::Null, Datum::text("b")]).expect("inserts");
    let mut state = ModifyState::default();
    let mut m = Modifier::new(world.cx(&txn), &Exprs, &mut state);
    let (target, key, old) = find(&mut m, &relation, 1);
    let locked = m.lock(&target, &key, &old, RowMode::Update, WaitPolicy::Block).expect("locks");
    assert!(matches!(locked, Locked::Same), "{locked:?}");
}

#[test]
fn partial_expression_indexes_hold_what_they_should() {
    let mut relation = people();
    relation.indexes.truncate(1);
    index(&mut relation, "t_twice", 4, true, &[1]);
    relation.indexes[1].keys[0].column = None;
    relation.indexes[1].keys[0].expr = Some("(v * 2)".into());
    relation.indexes[1].predicate = Some("(v > 0)".into());
    let world = World::new(vec![relation]);
    world.insert(20000, &row(1, 3, "a")).expect("inserts");
    world.insert(20000, &row(2, 0, "b")).expect("inserts");
    world.insert(20000, &row(3, 0, "c")).expect("outside the predicate");
    let e = world.insert(20000, &row(4, 3, "d")).expect_err("duplicate");
    assert_eq!(e.fields().detail.as_deref(), Some("Key ((v * 2))=(6) already exists."));
    assert_eq!(world.faults(20000), Vec::<String>::new());
}
