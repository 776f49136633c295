//! Configuration: a TOML file, overridden by `ORBIT_*` environment variables, overridden by flags.
//!
//! Every key has a default, so an empty file is a valid one. An unknown section or key or a value of the wrong kind stops the
//! start with file, line, key and the nearest right name. A key's environment variable is its section and name in capitals:
//! `[persistence.rocksdb] block_cache_size` is `ORBIT_PERSISTENCE_ROCKSDB_BLOCK_CACHE_SIZE`.

mod refusal;
mod sections;
mod value;

pub use refusal::StartError;
pub use sections::{Firewall, Logging, Persistence, Protocols, Rocks, Section, Security, Server};
pub use value::{Bytes, Compression, LogFormat, Provider, Setting, Time};

use std::fmt::Write;
use std::path::Path;
use toml_edit::{Document, Item, Table};

/// Where the file is looked for when none is named.
pub const DEFAULT_FILE: &str = "./config/orbit-server.toml";
/// Variables that are not keys of a section: they stand in for flags (see `cli`).
const FLAG_VARIABLES: [&str; 6] =
    ["ORBIT_CONFIG", "ORBIT_DATA_DIR", "ORBIT_BIND", "ORBIT_PORT", "ORBIT_ENGINE", "ORBIT_LOG_FORMAT"];

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// `[persistence]`
    pub persistence: Persistence,
    /// `[persistence.rocksdb]`
    pub rocksdb: Rocks,
    /// `[security]`
    pub security: Security,
    /// `[protocols]`
    pub protocols: Protocols,
    /// `[server]`
    pub server: Server,
    /// `[logging]`
    pub logging: Logging,
    /// `[firewall]`
    pub firewall: Firewall,
}

/// The sections' names, in the file's order; `[firewall]` is read but has nothing to write.
const SECTIONS: [&str; 7] = ["persistence", "persistence.rocksdb", "security", "protocols", "server", "logging", "firewall"];

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, StartError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| StartError::new(format!("cannot read the configuration {}: {e}", path.display())))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads TOML text; `file` is its name in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, StartError> {
        let document = Document::parse(text).map_err(|e| {
            let line = e.span().map_or(1, |s| line_of(text, s.start));
            StartError::new(format!("{file}:{line}: {}", e.message().replace('\n', " ")))
        })?;
        let mut config = Self::default();
        config.read_table("", document.as_table(), &Source { file, text })?;
        Ok(config)
    }

    fn read_table(&mut self, section: &str, table: &Table, source: &Source<'_>) -> Result<(), StartError> {
        for (name, item) in table.iter() {
            let at = table.key(name).and_then(|k| k.span()).or_else(|| item.span()).map_or(0, |s| s.start);
            let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            match item {
                Item::Table(inner) if SECTIONS.contains(&path.as_str()) => self.read_table(&path, inner, source)?,
                Item::Value(value) => {
                    let Some(target) = self.section(section) else {
                        return Err(source.unknown(at, "key", &path, SECTIONS.iter().copied()));
                    };
                    if !target.keys().contains(&name) {
                        let known = target.keys().iter().copied();
                        return Err(source.unknown(at, "key", name, known).in_section(section));
                    }
                    target.set(name, value).map_err(|e| source.error(at, &format!("{path}: {e}, found {}", brief(value))))?;
                }
                _ => return Err(source.unknown(at, "section", &path, SECTIONS.iter().copied())),
            }
        }
        Ok(())
    }

    fn section(&mut self, name: &str) -> Option<&mut dyn Section> {
        Some(match name {
            "persistence" => &mut self.persistence,
            "persistence.rocksdb" => &mut self.rocksdb,
            "security" => &mut self.security,
            "protocols" => &mut self.protocols,
            "server" => &mut self.server,
            "logging" => &mut self.logging,
            "firewall" => &mut self.firewall,
            _ => return None,
        })
    }

    /// Applies `ORBIT_<SECTION>_<KEY>` variables. Returns a warning for each `ORBIT_*` variable that names no key.
    pub fn apply_environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<Vec<String>, StartError> {
        let mut names = Vec::new();
        for section in SECTIONS {
            let keys = self.section(section).map_or(&[][..], |s| s.keys());
            names.extend(keys.iter().map(|key| (variable(section, key), section, *key)));
        }
        let mut warnings = Vec::new();
        for (name, text) in variables.filter(|(n, _)| n.starts_with("ORBIT_") && !FLAG_VARIABLES.contains(&n.as_str())) {
            match names.iter().find(|(known, ..)| *known == name) {
                Some((_, section, key)) => {
                    let target = self.section(section).expect("every name in SECTIONS has its section");
                    target.set_text(key, &text).map_err(|e| StartError::new(format!("{name}: {e}, found \"{text}\"")))?;
                }
                None => {
                    let near = nearest(&name, names.iter().map(|(n, ..)| n.as_str()).chain(FLAG_VARIABLES));
                    let hint = near.map(|n| format!(" (did you mean {n}?)")).unwrap_or_default();
                    warnings.push(format!("the environment variable {name} names no setting{hint}"));
                }
            }
        }
        Ok(warnings)
    }

    /// Refuses what can be written but not obeyed.
    pub fn check(&self) -> Result<(), StartError> {
        let refuse = |message: &str| Err(StartError::new(message));
        if self.security.enable_tls {
            return refuse("security.enable_tls = true: TLS is not supported by this build; the server does not start without it");
        }
        if !self.protocols.postgres_enabled {
            return refuse("protocols.postgres_enabled = false: there is no other protocol to serve");
        }
        if self.server.max_connections == 0 {
            return refuse("server.max_connections must be at least 1");
        }
        if self.server.max_message_size.0 < 10_000 {
            return refuse("server.max_message_size must be at least 10000 bytes");
        }
        Ok(())
    }

    /// The configuration as a commented TOML file that reads back as itself.
    pub fn to_toml(&self) -> String {
        let mut text =
            "# Orbit's configuration. Every key is here with its default; flags override ORBIT_* variables override this file.\n"
                .to_owned();
        let mut copy = self.clone();
        for name in SECTIONS {
            let section = copy.section(name).expect("every name in SECTIONS has its section");
            let lines = section.lines();
            if lines.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n[{name}]");
            for (key, value, about) in lines {
                let _ = writeln!(text, "#{about}\n{key} = {value}");
            }
        }
        text
    }
}

/// The text being read, for errors that name their line.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn error(&self, at: usize, message: &str) -> StartError {
        StartError::new(format!("{}:{}: {message}", self.file, line_of(self.text, at)))
    }

    fn unknown<'k>(&self, at: usize, what: &str, name: &str, known: impl Iterator<Item = &'k str>) -> StartError {
        let hint = nearest(name, known).map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
        self.error(at, &format!("unknown {what} \"{name}\"{hint}"))
    }
}

impl StartError {
    fn in_section(self, section: &str) -> Self {
        Self(self.0.replacen("unknown key ", &format!("unknown key in [{section}]: "), 1))
    }
}

fn variable(section: &str, key: &str) -> String {
    format!("ORBIT_{section}_{key}").replace('.', "_").to_ascii_uppercase()
}

fn brief(value: &toml_edit::Value) -> String {
    let text = value.to_string();
    text.trim().chars().take(60).collect()
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

/// The name most like `name`, if any is like it at all.
pub(crate) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|k| (strsim::jaro_winkler(name, k), k))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests;
