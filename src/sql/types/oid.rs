//! Object identifiers, with PostgreSQL 15's own numbers for built-in types.

use std::fmt;

/// A PostgreSQL object identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Oid(pub u32);

impl Oid {
    /// No object.
    pub const INVALID: Oid = Oid(0);
    /// First OID given to user objects.
    pub const FIRST_NORMAL: Oid = Oid(16384);

    /// Whether this names an object at all.
    pub fn is_valid(self) -> bool {
        self.0 != 0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! type_oids {
    ($($name:ident = $oid:literal;)*) => {
        /// Built-in types' OIDs (`pg_type.oid`).
        #[allow(missing_docs, reason = "the names are pg_type's own")]
        impl Oid { $(pub const $name: Oid = Oid($oid);)* }
    };
}

type_oids! {
    BOOL = 16;
    BYTEA = 17;
    CHAR = 18;
    NAME = 19;
    INT8 = 20;
    INT2 = 21;
    INT2VECTOR = 22;
    INT4 = 23;
    REGPROC = 24;
    TEXT = 25;
    OID = 26;
    TID = 27;
    XID = 28;
    CID = 29;
    OIDVECTOR = 30;
    PG_DDL_COMMAND = 32;
    JSON = 114;
    XML = 142;
    XML_ARRAY = 143;
    PG_NODE_TREE = 194;
    JSON_ARRAY = 199;
    TABLE_AM_HANDLER = 269;
    XID8_ARRAY = 271;
    INDEX_AM_HANDLER = 325;
    POINT = 600;
    LSEG = 601;
    PATH = 602;
    BOX = 603;
    POLYGON = 604;
    LINE = 628;
    LINE_ARRAY = 629;
    CIDR = 650;
    CIDR_ARRAY = 651;
    FLOAT4 = 700;
    FLOAT8 = 701;
    UNKNOWN = 705;
    CIRCLE = 718;
    CIRCLE_ARRAY = 719;
    MACADDR8 = 774;
    MACADDR8_ARRAY = 775;
    MONEY = 790;
    MONEY_ARRAY = 791;
    MACADDR = 829;
    INET = 869;
    BOOL_ARRAY = 1000;
    BYTEA_ARRAY = 1001;
    CHAR_ARRAY = 1002;
    NAME_ARRAY = 1003;
    INT2_ARRAY = 1005;
    INT2VECTOR_ARRAY = 1006;
    INT4_ARRAY = 1007;
    REGPROC_ARRAY = 1008;
    TEXT_ARRAY = 1009;
    TID_ARRAY = 1010;
    XID_ARRAY = 1011;
    CID_ARRAY = 1012;
    OIDVECTOR_ARRAY = 1013;
    BPCHAR_ARRAY = 1014;
    VARCHAR_ARRAY = 1015;
    INT8_ARRAY = 1016;
    POINT_ARRAY = 1017;
    LSEG_ARRAY = 1018;
    PATH_ARRAY = 1019;
    BOX_ARRAY = 1020;
    FLOAT4_ARRAY = 1021;
    FLOAT8_ARRAY = 1022;
    POLYGON_ARRAY = 1027;
    OID_ARRAY = 1028;
    ACLITEM = 1033;
    ACLITEM_ARRAY = 1034;
    MACADDR_ARRAY = 1040;
    INET_ARRAY = 1041;
    BPCHAR = 1042;
    VARCHAR = 1043;
    DATE = 1082;
    TIME = 1083;
    TIMESTAMP = 1114;
    TIMESTAMP_ARRAY = 1115;
    DATE_ARRAY = 1182;
    TIME_ARRAY = 1183;
    TIMESTAMPTZ = 1184;
    TIMESTAMPTZ_ARRAY = 1185;
    INTERVAL = 1186;
    INTERVAL_ARRAY = 1187;
    NUMERIC_ARRAY = 1231;
    CSTRING_ARRAY = 1263;
    TIMETZ = 1266;
    TIMETZ_ARRAY = 1270;
    BIT = 1560;
    BIT_ARRAY = 1561;
    VARBIT = 1562;
    VARBIT_ARRAY = 1563;
    NUMERIC = 1700;
    REFCURSOR = 1790;
    REFCURSOR_ARRAY = 2201;
    REGPROCEDURE = 2202;
    REGOPER = 2203;
    REGOPERATOR = 2204;
    REGCLASS = 2205;
    REGTYPE = 2206;
    REGPROCEDURE_ARRAY = 2207;
    REGOPER_ARRAY = 2208;
    REGOPERATOR_ARRAY = 2209;
    REGCLASS_ARRAY = 2210;
    REGTYPE_ARRAY = 2211;
    RECORD = 2249;
    CSTRING = 2275;
    ANY = 2276;
    ANYARRAY = 2277;
    VOID = 2278;
    TRIGGER = 2279;
    LANGUAGE_HANDLER = 2280;
    INTERNAL = 2281;
    ANYELEMENT = 2283;
    RECORD_ARRAY = 2287;
    ANYNONARRAY = 2776;
    TXID_SNAPSHOT_ARRAY = 2949;
    UUID = 2950;
    UUID_ARRAY = 2951;
    TXID_SNAPSHOT = 2970;
    FDW_HANDLER = 3115;
    PG_LSN = 3220;
    PG_LSN_ARRAY = 3221;
    TSM_HANDLER = 3310;
    PG_NDISTINCT = 3361;
    PG_DEPENDENCIES = 3402;
    ANYENUM = 3500;
    TSVECTOR = 3614;
    TSQUERY = 3615;
    GTSVECTOR = 3642;
    TSVECTOR_ARRAY = 3643;
    GTSVECTOR_ARRAY = 3644;
    TSQUERY_ARRAY = 3645;
    REGCONFIG = 3734;
    REGCONFIG_ARRAY = 3735;
    REGDICTIONARY = 3769;
    REGDICTIONARY_ARRAY = 3770;
    JSONB = 3802;
    JSONB_ARRAY = 3807;
    ANYRANGE = 3831;
    EVENT_TRIGGER = 3838;
    INT4RANGE = 3904;
    INT4RANGE_ARRAY = 3905;
    NUMRANGE = 3906;
    NUMRANGE_ARRAY = 3907;
    TSRANGE = 3908;
    TSRANGE_ARRAY = 3909;
    TSTZRANGE = 3910;
    TSTZRANGE_ARRAY = 3911;
    DATERANGE = 3912;
    DATERANGE_ARRAY = 3913;
    INT8RANGE = 3926;
    INT8RANGE_ARRAY = 3927;
    JSONPATH = 4072;
    JSONPATH_ARRAY = 4073;
    REGNAMESPACE = 4089;
    REGNAMESPACE_ARRAY = 4090;
    REGROLE = 4096;
    REGROLE_ARRAY = 4097;
    REGCOLLATION = 4191;
    REGCOLLATION_ARRAY = 4192;
    INT4MULTIRANGE = 4451;
    NUMMULTIRANGE = 4532;
    TSMULTIRANGE = 4533;
    TSTZMULTIRANGE = 4534;
    DATEMULTIRANGE = 4535;
    INT8MULTIRANGE = 4536;
    ANYMULTIRANGE = 4537;
    ANYCOMPATIBLEMULTIRANGE = 4538;
    PG_BRIN_BLOOM_SUMMARY = 4600;
    PG_BRIN_MINMAX_MULTI_SUMMARY = 4601;
    PG_MCV_LIST = 5017;
    PG_SNAPSHOT = 5038;
    PG_SNAPSHOT_ARRAY = 5039;
    XID8 = 5069;
    ANYCOMPATIBLE = 5077;
    ANYCOMPATIBLEARRAY = 5078;
    ANYCOMPATIBLENONARRAY = 5079;
    ANYCOMPATIBLERANGE = 5080;
    INT4MULTIRANGE_ARRAY = 6150;
    NUMMULTIRANGE_ARRAY = 6151;
    TSMULTIRANGE_ARRAY = 6152;
    TSTZMULTIRANGE_ARRAY = 6153;
    DATEMULTIRANGE_ARRAY = 6155;
    INT8MULTIRANGE_ARRAY = 6157;
}
