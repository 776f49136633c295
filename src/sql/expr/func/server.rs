//! Functions only the session can answer: names of the current user and schema, settings, sequences, clocks, and - forwarded by
//! symbol through `SessionServices` - everything about the catalog, privileges, locks, sizes and transactions.

use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::text::name;
use crate::sql::types::{Datum, Oid};

macro_rules! forwarded {
    (scalars $($symbol:literal)* sets $($set:literal)*) => {
        /// Functions the session runs.
        pub const FORWARDED: &[Entry] = &[
            $(f($symbol, |cx, a| cx.session.catalog_call($symbol, a, cx.site)),)*
            $(set($set, |cx, a| rows(cx, $set, a)),)*
        ];
    };
}

fn rows(cx: &FnCx<'_>, symbol: &'static str, a: &[Datum]) -> Result<Rows> {
    let rows = cx.session.catalog_rows(symbol, a, cx.site)?;
    Ok(Box::new(rows.into_iter().map(Ok)))
}

forwarded! {
    scalars
    "_pg_index_position/26 21" "pg_nextoid" "pg_jit_available" "pg_indexam_has_property" "pg_index_has_property" "pg_index_column_has_property"
    "pg_indexam_progress_phasename" "current_query" "aclinsert" "aclremove" "aclcontains" "aclitem_eq" "xid_age"
    "suppress_redundant_updates_trigger" "makeaclitem" "pg_get_constraintdef" "pg_get_ruledef" "pg_get_viewdef_name"
    "pg_get_viewdef" "pg_get_userbyid" "pg_get_indexdef" "pg_get_triggerdef" "pg_get_serial_sequence" "pg_get_expr"
    "has_table_privilege_name_name" "has_table_privilege_name_id" "has_table_privilege_id_name" "has_table_privilege_id_id"
    "has_table_privilege_name" "has_table_privilege_id" "pg_stat_get_numscans" "pg_stat_get_tuples_returned"
    "pg_stat_get_tuples_fetched" "pg_stat_get_tuples_inserted" "pg_stat_get_tuples_updated" "pg_stat_get_tuples_deleted"
    "pg_stat_get_tuples_hot_updated" "pg_conf_load_time" "pg_table_is_visible" "pg_type_is_visible" "pg_function_is_visible"
    "pg_operator_is_visible" "pg_opclass_is_visible" "pg_conversion_is_visible" "pg_terminate_backend" "pg_get_functiondef"
    "pg_get_function_arguments" "pg_get_function_result" "pg_database_size_name" "pg_cancel_backend"
    "has_sequence_privilege_name_name" "has_sequence_privilege_name_id" "has_sequence_privilege_id_name"
    "has_sequence_privilege_id_id" "has_sequence_privilege_name" "has_sequence_privilege_id" "inet_client_addr"
    "inet_client_port" "inet_server_addr" "inet_server_port" "pg_stat_clear_snapshot" "pg_get_function_identity_arguments"
    "has_database_privilege_name_name" "has_database_privilege_name_id" "has_database_privilege_id_name"
    "has_database_privilege_id_id" "has_database_privilege_name" "has_database_privilege_id"
    "has_function_privilege_name_name" "has_function_privilege_name_id" "has_function_privilege_id_name"
    "has_function_privilege_id_id" "has_function_privilege_name" "has_function_privilege_id"
    "has_language_privilege_name_name" "has_language_privilege_name_id" "has_language_privilege_id_name"
    "has_language_privilege_id_id" "has_language_privilege_name" "has_language_privilege_id"
    "has_schema_privilege_name_name" "has_schema_privilege_name_id" "has_schema_privilege_id_name"
    "has_schema_privilege_id_id" "has_schema_privilege_name" "has_schema_privilege_id" "pg_stat_reset"
    "pg_total_relation_size" "pg_tablespace_size_oid" "pg_tablespace_size_name" "pg_database_size_oid" "pg_relation_size"
    "has_tablespace_privilege_name_name" "has_tablespace_privilege_name_id" "has_tablespace_privilege_id_name"
    "has_tablespace_privilege_id_id" "has_tablespace_privilege_name" "has_tablespace_privilege_id" "pg_get_ruledef_ext"
    "pg_get_viewdef_name_ext" "pg_get_viewdef_ext" "pg_get_indexdef_ext" "pg_get_constraintdef_ext" "pg_get_expr_ext"
    "pg_postmaster_start_time" "pg_blocking_pids" "pg_reload_conf" "pg_has_role_name_name" "pg_has_role_name_id"
    "pg_has_role_id_name" "pg_has_role_id_id" "pg_has_role_name" "pg_has_role_id" "pg_get_triggerdef_ext"
    "pg_stat_get_last_vacuum_time" "pg_stat_get_last_autovacuum_time" "pg_stat_get_last_analyze_time"
    "pg_stat_get_last_autoanalyze_time" "pg_switch_wal" "pg_current_wal_lsn" "pg_current_wal_insert_lsn" "pg_my_temp_schema"
    "pg_is_other_temp_schema" "pg_stat_get_live_tuples" "pg_stat_get_dead_tuples" "pg_advisory_lock_int8"
    "pg_advisory_lock_shared_int8" "pg_try_advisory_lock_int8" "pg_try_advisory_lock_shared_int8" "pg_advisory_unlock_int8"
    "pg_advisory_unlock_shared_int8" "pg_advisory_lock_int4" "pg_advisory_lock_shared_int4" "pg_try_advisory_lock_int4"
    "pg_try_advisory_lock_shared_int4" "pg_advisory_unlock_int4" "pg_advisory_unlock_shared_int4" "pg_advisory_unlock_all"
    "pg_current_xact_id" "pg_current_snapshot" "pg_snapshot_xmin" "pg_snapshot_xmax" "pg_visible_in_snapshot"
    "pg_table_size" "pg_indexes_size" "pg_relation_filenode" "has_foreign_data_wrapper_privilege_name_name"
    "has_foreign_data_wrapper_privilege_name_id" "has_foreign_data_wrapper_privilege_id_name"
    "has_foreign_data_wrapper_privilege_id_id" "has_foreign_data_wrapper_privilege_name"
    "has_foreign_data_wrapper_privilege_id" "has_server_privilege_name_name" "has_server_privilege_name_id"
    "has_server_privilege_id_name" "has_server_privilege_id_id" "has_server_privilege_name" "has_server_privilege_id"
    "has_column_privilege_name_name_name" "has_column_privilege_name_name_attnum" "has_column_privilege_name_id_name"
    "has_column_privilege_name_id_attnum" "has_column_privilege_id_name_name" "has_column_privilege_id_name_attnum"
    "has_column_privilege_id_id_name" "has_column_privilege_id_id_attnum" "has_column_privilege_name_name"
    "has_column_privilege_name_attnum" "has_column_privilege_id_name" "has_column_privilege_id_attnum"
    "has_any_column_privilege_name_name" "has_any_column_privilege_name_id" "has_any_column_privilege_id_name"
    "has_any_column_privilege_id_id" "has_any_column_privilege_name" "has_any_column_privilege_id" "pg_relation_filepath"
    "pg_notify" "pg_stat_get_vacuum_count" "pg_stat_get_analyze_count" "pg_is_wal_replay_paused" "pg_sequence_parameters"
    "pg_advisory_xact_lock_int8" "pg_advisory_xact_lock_shared_int8" "pg_try_advisory_xact_lock_int8"
    "pg_try_advisory_xact_lock_shared_int8" "pg_advisory_xact_lock_int4" "pg_advisory_xact_lock_shared_int4"
    "pg_try_advisory_xact_lock_int4" "pg_try_advisory_xact_lock_shared_int4" "has_type_privilege_name_name"
    "has_type_privilege_name_id" "has_type_privilege_id_name" "has_type_privilege_id_id" "has_type_privilege_name"
    "has_type_privilege_id" "pg_get_viewdef_wrap" "pg_collation_for" "pg_trigger_depth" "pg_stat_get_mod_since_analyze" "pg_stat_get_ins_since_vacuum"
    "pg_notification_queue_usage" "row_security_active" "row_security_active_name" "pg_current_wal_flush_lsn"
    "pg_current_xact_id_if_assigned" "pg_get_partkeydef" "pg_xact_status" "pg_safe_snapshot_blocking_pids"
    "pg_identify_object_as_address" "pg_statistics_obj_is_visible" "pg_get_partition_constraintdef"
    "pg_get_statisticsobjdef" "pg_partition_root" "pg_collation_actual_version" "pg_filenode_relation" "to_regoperator"
    "to_regprocedure" "to_regoper" "to_regtype" "to_regproc" "to_regclass" "enum_first" "enum_last" "enum_range_bounds"
    "enum_range_all" "pg_describe_object" "tsvector_update_trigger_byid" "tsvector_update_trigger_bycolumn"
    "pg_ts_parser_is_visible" "pg_ts_dict_is_visible" "pg_ts_config_is_visible" "pg_ts_template_is_visible"
    "pg_tablespace_location" "pg_current_logfile" "pg_current_logfile_1arg" "pg_get_function_arg_default"
    "pg_export_snapshot" "pg_is_in_recovery" "pg_collation_is_visible" "pg_last_wal_receive_lsn" "pg_last_wal_replay_lsn"
    "pg_opfamily_is_visible" "pg_last_xact_replay_timestamp" "pg_identify_object" "pg_relation_is_updatable"
    "pg_column_is_updatable" "mxid_age" "acldefault_sql" "pg_get_object_address" "pg_sequence_last_value" "to_regnamespace"
    "to_regrole" "pg_rotate_logfile" "to_regcollation" "satisfies_hash_partition" "pg_get_replica_identity_index"
    "pg_relation_is_publishable" "pg_get_statisticsobjdef_expressions" "pg_get_statisticsobjdef_columns"
    "pg_get_function_sqlbody" "has_parameter_privilege_name_name" "has_parameter_privilege_id_name"
    "has_parameter_privilege_name" "pg_settings_get_flags" "pg_database_collation_actual_version" "obj_description/26 19"
    "obj_description/26" "col_description/26 23" "shobj_description/26 19" "pg_relation_size/2205"
    sets
    "pg_prepared_xact" "pg_lock_status" "pg_get_keywords" "aclexplode" "pg_stat_get_activity" "show_all_settings"
    "pg_options_to_table" "pg_prepared_statement" "pg_cursor" "pg_tablespace_databases" "pg_timezone_abbrevs"
    "pg_timezone_names" "pg_snapshot_xip" "pg_listening_channels" "pg_available_extensions"
    "pg_available_extension_versions" "pg_config" "pg_hba_file_rules" "pg_partition_tree" "pg_partition_ancestors"
    "ts_stat1" "ts_stat2"
}

/// Functions answered here with what the session says.
pub const FUNCTIONS: &[Entry] = &[
    f("pgsql_version", |cx, _| {
        let version = cx.session.setting("server_version").unwrap_or_default();
        text(format!("PostgreSQL {version} on {}-{}, compiled by rustc, 64-bit", std::env::consts::ARCH, std::env::consts::OS))
    }),
    f("current_user", |cx, _| Ok(Datum::text(cx.session.current_user().0))),
    f("session_user", |cx, _| Ok(Datum::text(cx.session.session_user().0))),
    f("current_database", |cx, _| Ok(Datum::text(cx.session.database().0))),
    f("current_schema", |cx, _| opt_text(cx.session.search_path(false).into_iter().next())),
    f("current_schemas", |cx, a| {
        let path = cx.session.search_path(a[0].as_bool());
        Ok(array_of(Oid::NAME, path.into_iter().map(Datum::text).collect()))
    }),
    f("pg_client_encoding", |cx, _| text(cx.session.setting("client_encoding").unwrap_or_else(|| "UTF8".into()))),
    f("getdatabaseencoding", |_, _| text("UTF8")),
    f("pg_backend_pid", |cx, _| Ok(Datum::Int4(cx.session.backend_pid()))),
    f("show_config_by_name", |cx, a| match cx.session.setting(a[0].as_str()) {
        Some(value) => text(value),
        None => Err(err!(SqlState::UNDEFINED_OBJECT, "unrecognized configuration parameter \"{}\"", a[0].as_str())),
    }),
    f("show_config_by_name_missing_ok", |cx, a| match cx.session.setting(a[0].as_str()) {
        None if !a[1].as_bool() => {
            Err(err!(SqlState::UNDEFINED_OBJECT, "unrecognized configuration parameter \"{}\"", a[0].as_str()))
        }
        value => opt_text(value),
    }),
    f("set_config_by_name", |cx, a| {
        if a[0].is_null() {
            return Err(SqlError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "SET requires parameter name"));
        }
        let value = if a[1].is_null() { None } else { Some(a[1].as_str()) };
        let local = !a[2].is_null() && a[2].as_bool();
        text(cx.session.set_setting(a[0].as_str(), value, local)?)
    }),
    f("nextval_oid", |cx, a| cx.session.nextval(a[0].as_oid()).map(Datum::Int8)),
    f("currval_oid", |cx, a| cx.session.currval(a[0].as_oid()).map(Datum::Int8)),
    f("lastval", |cx, _| cx.session.lastval().map(Datum::Int8)),
    f("setval_oid", |cx, a| cx.session.setval(a[0].as_oid(), a[1].as_int8(), true).map(Datum::Int8)),
    f("setval3_oid", |cx, a| cx.session.setval(a[0].as_oid(), a[1].as_int8(), a[2].as_bool()).map(Datum::Int8)),
    f("pg_sleep", |cx, a| {
        cx.session.sleep(a[0].as_float8().max(0.0))?;
        Ok(Datum::text(""))
    }),
    f("now", |cx, _| Ok(Datum::TimestampTz(cx.io.now))),
    f("statement_timestamp", |cx, _| Ok(Datum::TimestampTz(cx.session.statement_timestamp()))),
    f("clock_timestamp", |_, _| Ok(Datum::TimestampTz(clock()))),
    f("PG_encoding_to_char", |_, a| {
        let found = usize::try_from(a[0].as_int4()).ok().and_then(|i| ENCODINGS.get(i));
        Ok(Datum::Text(name(found.copied().unwrap_or_default())))
    }),
    f("PG_char_to_encoding", |_, a| {
        let key = |s: &str| s.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let wanted = match key(a[0].as_str()).as_str() {
            "unicode" => "utf8".to_owned(),
            "iso88591" => "latin1".to_owned(),
            other => other.to_owned(),
        };
        Ok(Datum::Int4(ENCODINGS.iter().position(|e| key(e) == wanted).map_or(-1, |i| i as i32)))
    }),
    f("pg_encoding_max_length_sql", |_, a| {
        Ok(match a[0].as_int4() {
            6 | 7 | 4 | 39 => Datum::Int4(4),
            1 | 2 | 3 | 5 | 40 => Datum::Int4(3),
            35..=38 | 41 => Datum::Int4(2),
            0..=34 => Datum::Int4(1),
            _ => Datum::Null,
        })
    }),
];

/// Now, in microseconds since 2000-01-01 UTC.
pub fn clock() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since_1970.as_micros() as i64 - 946_684_800_000_000
}

/// PostgreSQL's encodings by number.
const ENCODINGS: [&str; 42] = [
    "SQL_ASCII",
    "EUC_JP",
    "EUC_CN",
    "EUC_KR",
    "EUC_TW",
    "EUC_JIS_2004",
    "UTF8",
    "MULE_INTERNAL",
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "WIN1256",
    "WIN1258",
    "WIN866",
    "WIN874",
    "KOI8R",
    "WIN1251",
    "WIN1252",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "WIN1250",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1257",
    "KOI8U",
    "SJIS",
    "BIG5",
    "GBK",
    "UHC",
    "GB18030",
    "JOHAB",
    "SHIFT_JIS_2004",
];
