//! The wire: PostgreSQL's protocol 3.0 as bytes, and the seam between a connection and what answers it.
//!
//! - `frontend`, `startup`: what clients send, decoded without copying bodies;
//! - `encode`, `row`, `report`: what the server sends, written in place into the connection's buffer;
//! - `stream`, `outlet`, `out`, `copy`: the socket, its buffers and back-pressure, and the COPY sub-protocol;
//! - `scram`: password verifiers and the SCRAM-SHA-256 exchange;
//! - `interrupt`: cancel and terminate requests on their way into a running statement;
//! - `backend`: the traits through which a session asks for SQL. They live here, on the ground floor, so that `sql` can
//!   implement them and `server` can drive them without either importing the other's floor upwards.

pub mod backend;
pub mod copy;
pub mod encode;
pub mod frontend;
pub mod interrupt;
pub mod out;
pub mod outlet;
pub mod report;
pub mod row;
pub mod scram;
pub mod startup;
pub mod stream;

pub use backend::{Backend, ConnectInfo, Engine, Executed, IdleLimit, Peer, RoleAuth, TxStatus};
pub use copy::CopyReader;
pub use frontend::{Bind, Frame, Frontend, FrontendCodec, Target};
pub use interrupt::Interrupt;
pub use out::Out;
pub use row::{DataRow, Field, RowDescription};
pub use stream::Stream;
