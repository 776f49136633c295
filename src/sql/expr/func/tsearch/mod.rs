//! Text search: documents to vectors, texts to queries, matching, ranking, headlines.
//!
//! `tokens` cuts a document as PostgreSQL's default parser does, `config` turns tokens into lexemes by the configurations
//! `simple` and `english`, `query` makes queries, `matching` decides `@@`, `rank` and `headline` follow `tsrank.c` and `wparser_def.c`.

mod config;
mod document;
mod functions;
mod headline;
mod matching;
mod query;
mod rank;
mod tokens;
mod vector;

pub use document::FUNCTIONS as DOCUMENTS;
pub use functions::FUNCTIONS as QUERIES;
pub use vector::FUNCTIONS as VECTORS;
