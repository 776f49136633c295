//! The database a server runs on: opened by configuration, closed in order.

use crate::config::{Config, StartError};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::server::DataDir;
use crate::server::backend::{Backend, ConnectInfo, Engine, Executed, RoleAuth, TxStatus};
use crate::server::start::Database;
use crate::wire::{Bind, Out};
use std::sync::Arc;

/// A server without SQL: lets everybody in and answers 57P03.
pub struct Bare;

impl Database for Bare {
    type Engine = Bare;

    async fn open(_config: &Config, _dir: Option<&DataDir>) -> Result<Arc<Bare>, StartError> {
        Ok(Arc::new(Bare))
    }

    async fn close(_engine: Arc<Bare>) -> Result<(), StartError> {
        Ok(())
    }

    async fn check(_config: &Config, _dir: &DataDir) -> Result<(), StartError> {
        Ok(())
    }
}

impl Engine for Bare {
    type Backend = NoSession;

    async fn role_auth(&self, _user: &str) -> Result<RoleAuth> {
        Ok(RoleAuth::NoPassword)
    }

    async fn connect(&self, _info: ConnectInfo) -> Result<NoSession> {
        Err(err!(SqlState::CANNOT_CONNECT_NOW, "the database system is starting up"))
    }
}

/// There is none.
pub enum NoSession {}

impl Backend for NoSession {
    fn parameters(&self, _report: &mut dyn FnMut(&str, &str)) {
        match *self {}
    }
    fn parameter_changes(&mut self, _report: &mut dyn FnMut(&str, &str)) {
        match *self {}
    }
    fn transaction_status(&self) -> TxStatus {
        match *self {}
    }
    async fn simple_query(&mut self, _sql: &str, _out: &mut Out) -> Result<()> {
        match *self {}
    }
    async fn parse(&mut self, _name: &str, _sql: &str, _param_types: &[u32]) -> Result<()> {
        match *self {}
    }
    async fn bind(&mut self, _bind: &Bind<'_>) -> Result<()> {
        match *self {}
    }
    async fn describe_statement(&mut self, _name: &str, _out: &mut Out) -> Result<()> {
        match *self {}
    }
    async fn describe_portal(&mut self, _name: &str, _out: &mut Out) -> Result<()> {
        match *self {}
    }
    async fn execute(&mut self, _portal: &str, _max_rows: u32, _out: &mut Out) -> Result<Executed> {
        match *self {}
    }
    async fn close_statement(&mut self, _name: &str) -> Result<()> {
        match *self {}
    }
    async fn close_portal(&mut self, _name: &str) -> Result<()> {
        match *self {}
    }
    async fn sync(&mut self) -> Result<()> {
        match *self {}
    }
    async fn failed(&mut self, _error: &SqlError) {
        match *self {}
    }
}
