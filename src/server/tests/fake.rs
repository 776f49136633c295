//! A backend of a few words, to drive the protocol without SQL:
//!
//! `one` a row; `rows N` N rows of 1,000 bytes; `wait` until cancelled; `unlock`/`locked` a lock between sessions; `bad` an error at
//! its last word; `begin`/`end` a block; `copyin`, `copyout N` COPY; `panic`; several words separated by `;`.

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::server::backend::{Backend, ConnectInfo, Engine, Executed, IdleLimit, RoleAuth, TxStatus};
use crate::wire::scram::Verifier;
use crate::wire::{Bind, DataRow, Field, Out, RowDescription, encode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tokio::sync::Notify;

#[derive(Default)]
pub struct FakeEngine {
    unlocked: Arc<AtomicBool>,
    changed: Arc<Notify>,
}

impl Engine for FakeEngine {
    type Backend = FakeBackend;

    async fn role_auth(&self, user: &str) -> Result<RoleAuth> {
        Ok(match user {
            "ann" => RoleAuth::NoPassword,
            "sam" => RoleAuth::Scram(Verifier::new("säsam").to_string()),
            "nologin" => RoleAuth::NoLogin,
            _ => RoleAuth::Unknown,
        })
    }

    async fn connect(&self, info: ConnectInfo) -> Result<FakeBackend> {
        if info.database == "missing" {
            return Err(err!(SqlState::INVALID_CATALOG_NAME, "database \"missing\" does not exist"));
        }
        Ok(FakeBackend {
            status: TxStatus::Idle,
            sql: String::new(),
            sent: 0,
            changed: None,
            idle: info.settings.iter().any(|(n, _)| n == "impatient"),
            unlocked: self.unlocked.clone(),
            notify: self.changed.clone(),
        })
    }
}

pub struct FakeBackend {
    status: TxStatus,
    sql: String,
    sent: u32,
    changed: Option<&'static str>,
    idle: bool,
    unlocked: Arc<AtomicBool>,
    notify: Arc<Notify>,
}

impl FakeBackend {
    async fn word(&mut self, word: &str, at: usize, out: &mut Out) -> Result<()> {
        let (name, number) = word.split_once(' ').map_or((word, 0), |(w, n)| (w, n.parse().unwrap_or(0)));
        match name {
            "" => encode::empty_query_response(out.buffer()),
            "one" => {
                describe(out);
                row(out, b"1")?;
                encode::command_complete_rows(out.buffer(), "SELECT", 1);
            }
            "rows" => {
                describe(out);
                for _ in 0..number {
                    row(out, &[b'x'; 1000])?;
                    out.flush_if_full().await?;
                }
                encode::command_complete_rows(out.buffer(), "SELECT", number);
            }
            "wait" => return Err(out.interrupt().clone().raised().await),
            "unlock" => {
                self.unlocked.store(true, SeqCst);
                self.notify.notify_waiters();
                encode::command_complete(out.buffer(), "UNLOCK");
            }
            "locked" => {
                while !self.unlocked.load(SeqCst) {
                    let changed = self.notify.notified();
                    tokio::select! { () = changed => {}, () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {} }
                }
                encode::command_complete(out.buffer(), "LOCK");
            }
            "begin" => {
                self.status = TxStatus::InBlock;
                encode::command_complete(out.buffer(), "BEGIN");
            }
            "end" => {
                self.status = TxStatus::Idle;
                self.changed = Some("done");
                encode::command_complete(out.buffer(), "COMMIT");
            }
            "copyin" => {
                let mut bytes = 0;
                let mut reader = out.copy_in(false, 1).await?;
                while let Some(chunk) = reader.next().await? {
                    bytes += chunk.len() as u64;
                }
                encode::command_complete_rows(out.buffer(), "COPY", bytes);
            }
            "copyout" => {
                out.copy_out(false, 1);
                for _ in 0..number {
                    out.copy_data(|b| b.extend_from_slice(b"line\n"));
                    out.flush_if_full().await?;
                }
                out.copy_done();
                encode::command_complete_rows(out.buffer(), "COPY", number);
            }
            "panic" => panic!("as asked"),
            other => {
                let last = other.rfind(' ').map_or(0, |i| i + 1);
                return Err(err!(SqlState::SYNTAX_ERROR, "syntax error at or near \"{other}\"").at(at + last));
            }
        }
        Ok(())
    }
}

fn describe(out: &mut Out) {
    let mut d = RowDescription::begin(out.buffer(), 1);
    d.field(&Field { name: "x", table: 0, column: 0, type_oid: 25, type_len: -1, typmod: -1, format: 0 });
    d.finish();
}

fn row(out: &mut Out, value: &[u8]) -> Result<()> {
    let mut row = DataRow::begin(out.buffer(), 1);
    row.bytes(value);
    row.finish()
}

impl Backend for FakeBackend {
    fn parameters(&self, report: &mut dyn FnMut(&str, &str)) {
        report("server_version", "15.0");
        report("client_encoding", "UTF8");
    }

    fn parameter_changes(&mut self, report: &mut dyn FnMut(&str, &str)) {
        if let Some(value) = self.changed.take() {
            report("application_name", value);
        }
    }

    fn transaction_status(&self) -> TxStatus {
        self.status
    }

    fn source_text(&self) -> &str {
        &self.sql
    }

    async fn simple_query(&mut self, sql: &str, out: &mut Out) -> Result<()> {
        let mut at = 0;
        for word in sql.split(';') {
            self.word(word, at, out).await?;
            at += word.len() + 1;
        }
        Ok(())
    }

    async fn parse(&mut self, _name: &str, sql: &str, _types: &[u32]) -> Result<()> {
        if sql.contains('$') {
            return Err(err!(SqlState::UNDEFINED_PARAMETER, "there is no parameter $1").at(sql.find('$').unwrap_or(0)));
        }
        sql.clone_into(&mut self.sql);
        Ok(())
    }

    async fn bind(&mut self, bind: &Bind<'_>) -> Result<()> {
        self.sent = 0;
        assert_eq!(bind.params().count(), bind.param_count());
        bind.portal_name().and(bind.statement_name()).map(|_| ())
    }

    async fn describe_statement(&mut self, _name: &str, out: &mut Out) -> Result<()> {
        encode::parameter_description(out.buffer(), [23u32].into_iter());
        encode::no_data(out.buffer());
        Ok(())
    }

    async fn describe_portal(&mut self, _name: &str, out: &mut Out) -> Result<()> {
        encode::no_data(out.buffer());
        Ok(())
    }

    async fn execute(&mut self, _portal: &str, max_rows: u32, out: &mut Out) -> Result<Executed> {
        if let Some(total) = self.sql.strip_prefix("cursor ").and_then(|n| n.parse::<u32>().ok()) {
            for i in 0.. {
                if max_rows > 0 && i == max_rows {
                    return Ok(Executed::Suspended);
                }
                if self.sent == total {
                    break;
                }
                self.sent += 1;
                row(out, b"r")?;
            }
            encode::command_complete_rows(out.buffer(), "SELECT", u64::from(total));
            return Ok(Executed::Completed);
        }
        let sql = self.sql.clone();
        self.word(&sql, 0, out).await.map(|()| Executed::Completed)
    }

    async fn close_statement(&mut self, _name: &str) -> Result<()> {
        Ok(())
    }

    async fn close_portal(&mut self, _name: &str) -> Result<()> {
        Ok(())
    }

    async fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    async fn failed(&mut self, _error: &SqlError) {
        if self.status == TxStatus::InBlock {
            self.status = TxStatus::Failed;
        }
    }

    fn idle_limit(&self) -> Option<IdleLimit> {
        self.idle.then_some(IdleLimit::Session(std::time::Duration::from_millis(100)))
    }
}
