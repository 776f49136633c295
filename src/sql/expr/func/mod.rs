//! Built-in functions, one file a family. Each lists its entries: PostgreSQL's internal symbol (`pg_proc.prosrc`) and code.

pub mod array;
pub mod bit;
pub mod bytea;
pub mod case;
pub mod compare;
pub mod datetime;
pub mod datetime_parts;
pub mod float;
pub mod float_math;
pub mod format;
pub mod geo;
mod geo_distance;
mod geo_relations;
pub mod in_range;
pub mod int;
pub mod json_build;
pub mod json_record;
pub mod json_text;
pub mod json_value;
pub mod jsonb;
pub mod jsonpath;
pub mod like;
pub mod money;
pub mod network;
pub mod numeric;
pub mod quote;
pub mod range;
pub mod regex;
pub mod regexp;
pub mod scalar;
pub mod server;
pub mod string_array;
pub mod support;
pub mod text;
pub mod tsearch;

pub use support::Entry;

/// Every family's table.
const FAMILIES: &[&[Entry]] = &[
    array::FUNCTIONS,
    bit::FUNCTIONS,
    bytea::FUNCTIONS,
    compare::FUNCTIONS,
    compare::OTHERS,
    datetime::FUNCTIONS,
    datetime::OPERATORS,
    datetime_parts::EXTRACT,
    datetime_parts::MIXED,
    datetime_parts::OVERLAPS,
    float::ARITHMETIC,
    float::FUNCTIONS,
    float_math::FUNCTIONS,
    format::dates::FUNCTIONS,
    format::number::FUNCTIONS,
    geo::FUNCTIONS,
    geo_distance::DISTANCES,
    geo_distance::LINES,
    geo_relations::SHAPES,
    geo_relations::SIDES,
    in_range::INTEGERS,
    in_range::INTERVALS,
    int::ARITHMETIC,
    int::FUNCTIONS,
    int::SAME_TYPE,
    json_build::FUNCTIONS,
    json_record::FUNCTIONS,
    json_text::FUNCTIONS,
    jsonb::FUNCTIONS,
    jsonpath::FUNCTIONS,
    like::FUNCTIONS,
    money::FUNCTIONS,
    network::FUNCTIONS,
    numeric::FUNCTIONS,
    quote::FUNCTIONS,
    range::MULTIRANGES,
    range::RANGES,
    regexp::FUNCTIONS,
    scalar::FUNCTIONS,
    server::FORWARDED,
    server::FUNCTIONS,
    string_array::FUNCTIONS,
    text::FUNCTIONS,
    tsearch::DOCUMENTS,
    tsearch::QUERIES,
    tsearch::VECTORS,
];

/// Every function there is code for.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
