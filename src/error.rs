//! The SQL error every layer above the store speaks: a SQLSTATE, PostgreSQL's message and its optional fields.
//!
//! Lower layers have structured errors of their own (`kv::Error`), which turn into SQLSTATEs in one place each, beside them.
//! Positions are byte offsets into the statement's source text while inside the server; they become PostgreSQL's 1-based
//! character positions when the ErrorResponse is written.

use std::fmt;

/// Five-character SQLSTATE (PostgreSQL manual, appendix A).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState(pub [u8; 5]);

impl SqlState {
    /// The code as text, e.g. `42P01`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! states {
    ($($name:ident = $code:literal;)*) => {
        /// Every SQLSTATE the server uses, under PostgreSQL's condition names.
        #[allow(missing_docs, reason = "the names are PostgreSQL's own condition names")]
        impl SqlState { $(pub const $name: SqlState = SqlState(*$code);)* }
    };
}

states! {
    SUCCESSFUL_COMPLETION = b"00000"; WARNING = b"01000"; NO_DATA = b"02000";
    CONNECTION_EXCEPTION = b"08000"; CONNECTION_FAILURE = b"08006"; PROTOCOL_VIOLATION = b"08P01";
    FEATURE_NOT_SUPPORTED = b"0A000"; INVALID_GRANTOR = b"0L000"; INVALID_GRANT_OPERATION = b"0LP01";
    PRIVILEGE_NOT_GRANTED = b"01007"; PRIVILEGE_NOT_REVOKED = b"01006"; INVALID_ROLE_SPECIFICATION = b"0P000";
    CARDINALITY_VIOLATION = b"21000"; DATA_EXCEPTION = b"22000"; STRING_DATA_RIGHT_TRUNCATION = b"22001";
    NULL_VALUE_NO_INDICATOR = b"22002"; NUMERIC_VALUE_OUT_OF_RANGE = b"22003"; NULL_VALUE_NOT_ALLOWED = b"22004";
    ERROR_IN_ASSIGNMENT = b"22005"; INVALID_DATETIME_FORMAT = b"22007"; DATETIME_FIELD_OVERFLOW = b"22008";
    INVALID_TIME_ZONE_DISPLACEMENT = b"22009"; ESCAPE_CHARACTER_CONFLICT = b"2200B"; INVALID_ESCAPE_CHARACTER = b"22019";
    INVALID_ESCAPE_SEQUENCE = b"22025"; INVALID_ESCAPE_OCTET = b"2200D"; NONSTANDARD_USE_OF_ESCAPE_CHARACTER = b"22P06";
    INVALID_PRECEDING_OR_FOLLOWING_SIZE = b"22013"; INVALID_ARGUMENT_FOR_NTILE = b"22014"; INVALID_ARGUMENT_FOR_NTH_VALUE = b"22016";
    INVALID_ARGUMENT_FOR_LOG = b"2201E"; INVALID_ARGUMENT_FOR_POWER = b"2201F"; INVALID_ARGUMENT_FOR_WIDTH_BUCKET = b"2201G";
    INVALID_ROW_COUNT_IN_LIMIT = b"2201W"; INVALID_ROW_COUNT_IN_OFFSET = b"2201X"; INVALID_REGULAR_EXPRESSION = b"2201B";
    INTERVAL_FIELD_OVERFLOW = b"22015"; CHARACTER_NOT_IN_REPERTOIRE = b"22021"; INVALID_PARAMETER_VALUE = b"22023";
    INDICATOR_OVERFLOW = b"22022"; INVALID_TABLESAMPLE_ARGUMENT = b"2202H"; INVALID_TABLESAMPLE_REPEAT = b"2202G";
    UNTERMINATED_C_STRING = b"22024"; STRING_DATA_LENGTH_MISMATCH = b"22026"; TRIM_ERROR = b"22027";
    ARRAY_SUBSCRIPT_ERROR = b"2202E"; SUBSTRING_ERROR = b"22011"; DIVISION_BY_ZERO = b"22012"; ZERO_LENGTH_CHARACTER_STRING = b"2200F";
    FLOATING_POINT_EXCEPTION = b"22P01"; INVALID_TEXT_REPRESENTATION = b"22P02"; INVALID_BINARY_REPRESENTATION = b"22P03";
    BAD_COPY_FILE_FORMAT = b"22P04"; UNTRANSLATABLE_CHARACTER = b"22P05"; SEQUENCE_GENERATOR_LIMIT_EXCEEDED = b"2200H";
    DUPLICATE_JSON_OBJECT_KEY_VALUE = b"22030"; INVALID_JSON_TEXT = b"22032"; INVALID_SQL_JSON_SUBSCRIPT = b"22033";
    MORE_THAN_ONE_SQL_JSON_ITEM = b"22034"; NO_SQL_JSON_ITEM = b"22035"; NON_NUMERIC_SQL_JSON_ITEM = b"22036";
    SQL_JSON_ARRAY_NOT_FOUND = b"22039"; SQL_JSON_MEMBER_NOT_FOUND = b"2203A"; SQL_JSON_OBJECT_NOT_FOUND = b"2203C";
    SINGLETON_SQL_JSON_ITEM_REQUIRED = b"22038"; SQL_JSON_SCALAR_REQUIRED = b"2203F"; INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION = b"22031";
    INVALID_XML_DOCUMENT = b"2200M";
    INTEGRITY_CONSTRAINT_VIOLATION = b"23000"; RESTRICT_VIOLATION = b"23001"; NOT_NULL_VIOLATION = b"23502";
    FOREIGN_KEY_VIOLATION = b"23503"; UNIQUE_VIOLATION = b"23505"; CHECK_VIOLATION = b"23514"; EXCLUSION_VIOLATION = b"23P01";
    INVALID_CURSOR_STATE = b"24000"; INVALID_TRANSACTION_STATE = b"25000"; ACTIVE_SQL_TRANSACTION = b"25001";
    READ_ONLY_SQL_TRANSACTION = b"25006"; NO_ACTIVE_SQL_TRANSACTION = b"25P01"; IN_FAILED_SQL_TRANSACTION = b"25P02";
    IDLE_IN_TRANSACTION_SESSION_TIMEOUT = b"25P03"; INVALID_SQL_STATEMENT_NAME = b"26000";
    INVALID_AUTHORIZATION_SPECIFICATION = b"28000"; INVALID_PASSWORD = b"28P01"; DEPENDENT_OBJECTS_STILL_EXIST = b"2BP01";
    INVALID_TRANSACTION_TERMINATION = b"2D000"; INVALID_CURSOR_NAME = b"34000"; SAVEPOINT_EXCEPTION = b"3B000";
    INVALID_SAVEPOINT_SPECIFICATION = b"3B001"; INVALID_CATALOG_NAME = b"3D000"; INVALID_SCHEMA_NAME = b"3F000";
    TRANSACTION_ROLLBACK = b"40000"; SERIALIZATION_FAILURE = b"40001"; STATEMENT_COMPLETION_UNKNOWN = b"40003"; DEADLOCK_DETECTED = b"40P01";
    SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION = b"42000"; SYNTAX_ERROR = b"42601"; INSUFFICIENT_PRIVILEGE = b"42501";
    CANNOT_COERCE = b"42846"; GROUPING_ERROR = b"42803"; WINDOWING_ERROR = b"42P20"; INVALID_RECURSION = b"42P19";
    INVALID_FOREIGN_KEY = b"42830"; INVALID_NAME = b"42602"; NAME_TOO_LONG = b"42622"; RESERVED_NAME = b"42939";
    DATATYPE_MISMATCH = b"42804"; INDETERMINATE_DATATYPE = b"42P18"; COLLATION_MISMATCH = b"42P21"; INDETERMINATE_COLLATION = b"42P22";
    WRONG_OBJECT_TYPE = b"42809"; GENERATED_ALWAYS = b"428C9"; UNDEFINED_COLUMN = b"42703"; UNDEFINED_FUNCTION = b"42883";
    UNDEFINED_TABLE = b"42P01"; UNDEFINED_PARAMETER = b"42P02"; UNDEFINED_OBJECT = b"42704"; DUPLICATE_COLUMN = b"42701";
    DUPLICATE_CURSOR = b"42P03"; DUPLICATE_DATABASE = b"42P04"; DUPLICATE_FUNCTION = b"42723"; DUPLICATE_PREPARED_STATEMENT = b"42P05";
    DUPLICATE_SCHEMA = b"42P06"; DUPLICATE_TABLE = b"42P07"; DUPLICATE_ALIAS = b"42712"; DUPLICATE_OBJECT = b"42710";
    AMBIGUOUS_COLUMN = b"42702"; AMBIGUOUS_FUNCTION = b"42725"; AMBIGUOUS_PARAMETER = b"42P08"; AMBIGUOUS_ALIAS = b"42P09";
    INVALID_COLUMN_REFERENCE = b"42P10"; INVALID_COLUMN_DEFINITION = b"42611"; INVALID_CURSOR_DEFINITION = b"42P11";
    INVALID_DATABASE_DEFINITION = b"42P12"; INVALID_FUNCTION_DEFINITION = b"42P13"; INVALID_PREPARED_STATEMENT_DEFINITION = b"42P14";
    INVALID_SCHEMA_DEFINITION = b"42P15"; INVALID_TABLE_DEFINITION = b"42P16"; INVALID_OBJECT_DEFINITION = b"42P17";
    WITH_CHECK_OPTION_VIOLATION = b"44000"; INSUFFICIENT_RESOURCES = b"53000"; DISK_FULL = b"53100"; OUT_OF_MEMORY = b"53200";
    TOO_MANY_CONNECTIONS = b"53300"; CONFIGURATION_LIMIT_EXCEEDED = b"53400"; PROGRAM_LIMIT_EXCEEDED = b"54000";
    STATEMENT_TOO_COMPLEX = b"54001"; TOO_MANY_COLUMNS = b"54011"; TOO_MANY_ARGUMENTS = b"54023";
    OBJECT_NOT_IN_PREREQUISITE_STATE = b"55000"; OBJECT_IN_USE = b"55006"; CANT_CHANGE_RUNTIME_PARAM = b"55P02";
    LOCK_NOT_AVAILABLE = b"55P03"; UNSAFE_NEW_ENUM_VALUE_USAGE = b"55P04"; OPERATOR_INTERVENTION = b"57000"; QUERY_CANCELED = b"57014";
    ADMIN_SHUTDOWN = b"57P01"; CRASH_SHUTDOWN = b"57P02"; CANNOT_CONNECT_NOW = b"57P03"; DATABASE_DROPPED = b"57P04";
    IDLE_SESSION_TIMEOUT = b"57P05"; IO_ERROR = b"58030"; UNDEFINED_FILE = b"58P01"; DUPLICATE_FILE = b"58P02";
    CONFIG_FILE_ERROR = b"F0000"; RAISE_EXCEPTION = b"P0001"; NO_DATA_FOUND = b"P0002"; TOO_MANY_ROWS = b"P0003"; ASSERT_FAILURE = b"P0004";
    INTERNAL_ERROR = b"XX000"; DATA_CORRUPTED = b"XX001"; INDEX_CORRUPTED = b"XX002";
}

/// How loud a message is; errors of level `Error` abort the statement, `Fatal` the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Statement fails.
    Error,
    /// Connection ends.
    Fatal,
    /// Server ends.
    Panic,
    /// Notices of rising importance.
    Warning,
    /// Ordinary notice.
    Notice,
    /// Debug output.
    Debug,
    /// Always sent to the client.
    Info,
    /// Server log.
    Log,
}

impl Severity {
    /// The word of the protocol's `S` and `V` fields.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Log => "LOG",
        }
    }
}

/// The fields of an ErrorResponse or NoticeResponse.
#[derive(Clone, Debug)]
pub struct ErrorFields {
    /// Level.
    pub severity: Severity,
    /// SQLSTATE.
    pub code: SqlState,
    /// Primary message.
    pub message: String,
    /// DETAIL line.
    pub detail: Option<String>,
    /// HINT line.
    pub hint: Option<String>,
    /// Byte offset (0-based) into the statement text.
    pub position: Option<usize>,
    /// CONTEXT lines.
    pub context: Option<String>,
    /// Query an internal position refers to, and that position (byte offset).
    pub internal: Option<(String, usize)>,
    /// Names for the `s`, `t`, `c`, `d`, `n` fields.
    pub schema: Option<String>,
    /// Table the error is about.
    pub table: Option<String>,
    /// Column the error is about.
    pub column: Option<String>,
    /// Data type the error is about.
    pub datatype: Option<String>,
    /// Constraint the error is about.
    pub constraint: Option<String>,
}

/// An SQL error or notice; one pointer wide so that `Result` stays small.
#[derive(Clone)]
pub struct SqlError(Box<ErrorFields>);

/// Result of everything above the store.
pub type Result<T, E = SqlError> = std::result::Result<T, E>;

impl SqlError {
    /// An error of level ERROR.
    pub fn new(code: SqlState, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorFields {
            severity: Severity::Error,
            code,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            context: None,
            internal: None,
            schema: None,
            table: None,
            column: None,
            datatype: None,
            constraint: None,
        }))
    }

    /// 0A000 naming the feature that is not built.
    pub fn unsupported(feature: impl fmt::Display) -> Self {
        Self::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{feature} is not supported"))
    }

    /// XX000: a broken invariant of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(SqlState::INTERNAL_ERROR, message)
    }

    /// Changes the level (notices, FATAL).
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.0.severity = severity;
        self
    }

    /// Adds DETAIL.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.0.detail = Some(text.into());
        self
    }

    /// Adds HINT.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.0.hint = Some(text.into());
        self
    }

    /// Sets the byte offset in the statement, unless one is known already.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.0.position.get_or_insert(offset);
        self
    }

    /// Appends a CONTEXT line.
    #[must_use]
    pub fn context(mut self, text: impl Into<String>) -> Self {
        match &mut self.0.context {
            Some(c) => {
                c.push('\n');
                c.push_str(&text.into());
            }
            none => *none = Some(text.into()),
        }
        self
    }

    /// Names the table (and its schema) the error is about.
    #[must_use]
    pub fn table(mut self, schema: impl Into<String>, table: impl Into<String>) -> Self {
        self.0.schema = Some(schema.into());
        self.0.table = Some(table.into());
        self
    }

    /// Names the column the error is about.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.0.column = Some(column.into());
        self
    }

    /// Names the constraint the error is about.
    #[must_use]
    pub fn constraint(mut self, name: impl Into<String>) -> Self {
        self.0.constraint = Some(name.into());
        self
    }

    /// Names the data type the error is about.
    #[must_use]
    pub fn datatype(mut self, schema: impl Into<String>, name: impl Into<String>) -> Self {
        self.0.schema = Some(schema.into());
        self.0.datatype = Some(name.into());
        self
    }

    /// All fields.
    pub fn fields(&self) -> &ErrorFields {
        &self.0
    }

    /// All fields, to change.
    pub fn fields_mut(&mut self) -> &mut ErrorFields {
        &mut self.0
    }

    /// The SQLSTATE.
    pub fn code(&self) -> SqlState {
        self.0.code
    }

    /// The primary message.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)
    }
}

impl fmt::Debug for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for SqlError {}

/// `err!(SqlState::X, "message {}", x)` makes an `SqlError`; chain `.detail()`, `.hint()`, `.at()`.
#[macro_export]
macro_rules! err {
    ($code:expr, $($arg:tt)+) => { $crate::error::SqlError::new($code, format!($($arg)+)) };
}
