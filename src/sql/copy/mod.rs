//! COPY's data formats: text, csv and binary, in both directions (PostgreSQL manual, COPY, "File Formats").
//!
//! Pure codecs: bytes in, fields out, and back. `reader` cuts a stream of chunks into rows of raw fields without copying whole
//! lines; `fast` reads the common forms of common types; `writer` makes rows; `options` checks what WITH (...) asked for.

mod fast;
mod options;
mod reader;
mod writer;

pub use fast::FastInput;
pub use options::{Columns, CopyOptions, Format, parse_options};
pub use reader::Reader;
pub use writer::Writer;
