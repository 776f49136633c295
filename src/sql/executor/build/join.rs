//! Joins.

use super::parallel::{Learnt, join_source};
use super::{Builder, kinds, scope};
use crate::error::{Result, SqlError};
use crate::sql::executor::dynamic::JoinKeys;
use crate::sql::executor::hash_join::{HashJoin, JoinColumn, JoinMode, JoinSpec};
use crate::sql::executor::hash_table::{BuildSide, BuildWorker, SharedBuild};
use crate::sql::executor::instrument::node_key;
use crate::sql::executor::lookup_join::LookupJoin;
use crate::sql::executor::nested_loop::{Apply, LoopMode, NestedLoop};
use crate::sql::executor::source::LookupRequest;
use crate::sql::executor::{BoxOperator, ColumnKind};
use crate::sql::expr::eval::{CompileEnv, Scope};
use crate::sql::plan::{ColId, Expr, JoinKind, Output};
use crate::sql::planner::physical::{HashJoinNode, LookupJoinNode, NestedLoopNode, Physical};
use std::sync::Arc;

fn loop_mode(kind: JoinKind) -> Result<LoopMode> {
    Ok(match kind {
        JoinKind::Inner => LoopMode::Inner,
        JoinKind::Left => LoopMode::Left,
        JoinKind::Semi => LoopMode::Semi,
        JoinKind::Anti => LoopMode::Anti,
        JoinKind::Right | JoinKind::Full => return Err(SqlError::internal("nested loop for a right or full join")),
    })
}

/// The mode of a hash join when the left side probes, or when the right one does.
fn hash_mode(kind: JoinKind, build_left: bool) -> JoinMode {
    match (kind, build_left) {
        (JoinKind::Inner, _) => JoinMode::Inner,
        (JoinKind::Full, _) => JoinMode::Full,
        (JoinKind::Left, false) | (JoinKind::Right, true) => JoinMode::Left,
        (JoinKind::Right, false) | (JoinKind::Left, true) => JoinMode::Right,
        (JoinKind::Semi, false) => JoinMode::Semi,
        (JoinKind::Anti, false) => JoinMode::Anti,
        (JoinKind::Semi, true) => JoinMode::BuildSemi,
        (JoinKind::Anti, true) => JoinMode::BuildAnti,
    }
}

impl Builder<'_> {
    pub(super) fn hash_join(&mut self, join: &HashJoinNode, plan: &Physical) -> Result<BoxOperator> {
        let (probe_node, build_node) = if join.build_left { (&join.right, &join.left) } else { (&join.left, &join.right) };
        let (build, keys) = self.build_side(join, build_node)?;
        let learnt = keys.map(|(id, keys)| (id, Learnt::Joins(keys)));
        let probe = self.learning(learnt, |b| b.operator(probe_node))?;
        let probe_scope = scope(probe_node);
        let mut probe_keys = Vec::with_capacity(join.keys.len());
        for key in &join.keys {
            probe_keys.push(self.expr(if join.build_left { &key.right } else { &key.left }, &probe_scope)?);
        }
        let mut both = scope(probe_node);
        both.extend(build_node.ids());
        let residual = self.condition(&join.residual, &both)?;
        let probe_ids: Vec<ColId> = probe_node.ids().collect();
        let build_ids: Vec<ColId> = build_node.ids().collect();
        let place = |output: &Output| {
            let probe = probe_ids.iter().position(|id| *id == output.id).map(JoinColumn::Probe);
            probe.or_else(|| build_ids.iter().position(|id| *id == output.id).map(JoinColumn::Build))
        };
        let output: Option<Vec<JoinColumn>> = plan.outputs.iter().map(place).collect();
        let output = output.ok_or_else(|| SqlError::internal("a join's output is no column of its inputs"))?;
        let spec = JoinSpec {
            mode: hash_mode(join.kind, join.build_left),
            probe_keys,
            residual,
            probe_kinds: kinds(&probe_node.outputs),
            build_kinds: kinds(&build_node.outputs),
            output,
        };
        Ok(Box::new(HashJoin::new(probe, build, spec)))
    }

    /// The build side of a join and what the scan of the probe side learns of its keys. Copies of the join get the same one.
    fn build_side(&mut self, join: &HashJoinNode, plan: &Physical) -> Result<(SharedBuild, Option<(ColId, JoinKeys)>)> {
        let address = std::ptr::from_ref(join) as usize;
        let source = join_source(join);
        if let Some((build, keys)) = self.pieces.as_ref().and_then(|_| self.builds.get(&address)) {
            return Ok((Arc::clone(build), source.map(|(_, id)| (id, Arc::clone(keys)))));
        }
        // The build side is read before the join begins: it is not among the pieces, and has nothing to do with filters above.
        let (pieces, learnt) = (self.pieces.take(), std::mem::take(&mut self.learnt));
        let scope = scope(plan);
        let keys = |b: &mut Self| {
            join.keys.iter().map(|k| b.expr(if join.build_left { &k.left } else { &k.right }, &scope)).collect::<Result<Vec<_>>>()
        };
        let workers = self.copies(plan, |b| Ok(BuildWorker { input: b.operator(plan)?, keys: keys(b)? }));
        (self.pieces, self.learnt) = (pieces, learnt);
        let null_safe = join.keys.iter().map(|k| k.null_safe).collect();
        let mut side = BuildSide::new(workers?, kinds(&plan.outputs), null_safe);
        let keys = JoinKeys::default();
        if let Some((at, _)) = source {
            side.tell_keys(at, Arc::clone(&keys));
        }
        let build = side.shared();
        if self.pieces.is_some() {
            self.builds.insert(address, (Arc::clone(&build), Arc::clone(&keys)));
        }
        Ok((build, source.map(|(_, id)| (id, keys))))
    }

    pub(super) fn nested_loop(&mut self, join: &NestedLoopNode) -> Result<BoxOperator> {
        let mode = loop_mode(join.kind)?;
        let left = self.operator(&join.left)?;
        let left_scope = scope(&join.left);
        let mut outer = Vec::with_capacity(join.params.len());
        for &id in &join.params {
            let from = left_scope.slot(id).ok_or_else(|| SqlError::internal("a lateral column is missing from the left side"))?;
            outer.push((self.outer_slot(id)?, from));
        }
        let right = self.sequentially(!outer.is_empty(), |b| b.operator(&join.right))?;
        let mut both = left_scope;
        both.extend(join.right.ids());
        let on = self.condition(&join.on, &both)?;
        let right_kinds = kinds(&join.right.outputs);
        // Semi and Anti joins answer left columns only.
        let right_kinds = if matches!(mode, LoopMode::Semi | LoopMode::Anti) { Vec::new() } else { right_kinds };
        if outer.is_empty() {
            return Ok(Box::new(NestedLoop::new(left, right, mode, on, right_kinds)));
        }
        Ok(Box::new(Apply::new(left, right, mode, on, right_kinds, outer)))
    }

    pub(super) fn lookup_join(&mut self, join: &LookupJoinNode, plan: &Physical) -> Result<BoxOperator> {
        let left = self.operator(&join.left)?;
        let left_scope = scope(&join.left);
        let keys = self.exprs(&join.keys, &left_scope)?;
        let key_kinds = join.key_types.iter().map(|&t| ColumnKind::of(t)).collect();
        let mut both: Scope = left_scope;
        both.extend(join.inner_outputs.iter().map(|o| o.id));
        let conditions: Vec<Expr> = join.inner.filter.iter().chain(&join.residual).cloned().collect();
        let residual_columns: Vec<usize> =
            conditions.iter().flat_map(|e| self.columns_of(e)).filter_map(|id| both.slot(id)).collect();
        let residual = self.condition(&conditions, &both)?;
        let request = LookupRequest { columns: join.inner.columns.clone(), kinds: kinds(&join.inner_outputs), index: join.index };
        let mode = loop_mode(join.kind)?;
        let made: Vec<ColId> = join.left.ids().chain(join.inner_outputs.iter().map(|o| o.id)).collect();
        let semi = matches!(mode, LoopMode::Semi | LoopMode::Anti);
        let whole = if semi { join.left.outputs.len() } else { made.len() };
        let joined = LookupJoin::new(left, join.inner.relation.clone(), request, keys, key_kinds, mode, residual);
        let joined = match &self.instruments {
            Some(all) => joined.watched(all.counters(node_key(plan) + 1)),
            None => joined,
        };
        let same = plan.outputs.len() == whole && plan.ids().zip(&made).all(|(a, b)| a == *b);
        if same {
            return Ok(Box::new(joined));
        }
        let output: Option<Vec<usize>> = plan.ids().map(|id| made.iter().position(|m| *m == id)).collect();
        let output = output.ok_or_else(|| SqlError::internal("a join's output is no column of its inputs"))?;
        Ok(Box::new(joined.keeping(output, &residual_columns, join.left.outputs.len())))
    }
}
