//! Tests of the server as a program: started as a process, spoken to over sockets and by real clients.

mod crash;
mod floors;
mod guide;
mod load;
#[allow(dead_code, reason = "each module of tests uses the part it needs")]
mod point;
mod process;
mod protocol;
mod sql;
mod start;
