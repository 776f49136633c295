//! The data folder: who may open it, and whether we understand it.
//!
//! ```text
//! <data_dir>/postgresql/             the store
//! <data_dir>/cluster/identity        `orbit data folder`, format number, cluster id, day of creation; one `name = value` a line
//! <data_dir>/cluster/lock            locked while a server has the folder open
//! <data_dir>/cluster/clean-shutdown  there if the last server stopped in order
//! ```
//!
//! A folder that holds something else, or a format newer than ours, is left untouched.

use crate::config::StartError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The format this server writes, and the only one it reads.
pub const FORMAT: u32 = 1;
const TITLE: &str = "orbit data folder";

/// An opened, locked data folder.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    cluster_id: String,
    created: bool,
    was_clean: bool,
    /// Holds the lock until dropped.
    _lock: File,
}

impl DataDir {
    /// Opens the folder, creating it if need be.
    pub fn open(root: &Path) -> Result<Self, StartError> {
        let cluster = root.join("cluster");
        refuse_foreign(root)?;
        for folder in [root, &cluster, &root.join("postgresql")] {
            fs::create_dir_all(folder).map_err(|e| unwritable(root, &e))?;
        }
        let lock = lock(root, &cluster.join("lock"))?;
        let identity = cluster.join("identity");
        let (cluster_id, created) = match fs::read_to_string(&identity) {
            Ok(text) => (read_identity(root, &text)?, false),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let id = format!("{:032x}", rand::random::<u128>());
                write_identity(&cluster, &identity, &id).map_err(|e| unwritable(root, &e))?;
                (id, true)
            }
            Err(e) => return Err(unwritable(root, &e)),
        };
        let mark = cluster.join("clean-shutdown");
        let was_clean = mark.exists();
        if was_clean {
            fs::remove_file(&mark).and_then(|()| sync_folder(&cluster)).map_err(|e| unwritable(root, &e))?;
        }
        Ok(Self { root: root.to_owned(), cluster_id, created, was_clean, _lock: lock })
    }

    /// Where the store lives.
    pub fn store(&self) -> PathBuf {
        self.root.join("postgresql")
    }

    /// This cluster's identity: 32 hexadecimal digits.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Whether the folder was made just now.
    pub fn is_new(&self) -> bool {
        self.created
    }

    /// Whether the server before stopped in order.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// The store is closed: leaves the mark that says so, and gives the folder free.
    pub fn close_clean(self) -> io::Result<()> {
        let cluster = self.root.join("cluster");
        File::create(cluster.join("clean-shutdown"))?.sync_all()?;
        sync_folder(&cluster)
    }
}

/// Refuses a folder that holds files but was never ours.
fn refuse_foreign(root: &Path) -> Result<(), StartError> {
    let mut entries = match fs::read_dir(root) {
        Ok(entries) => entries.filter_map(Result::ok).map(|e| e.file_name()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(unwritable(root, &e)),
    };
    let ours = root.join("cluster").join("identity").exists();
    match entries.find(|n| n != "cluster" && n != "postgresql" && n != "lost+found") {
        Some(other) if !ours => Err(StartError::new(format!(
            "{} is not an Orbit data folder: it holds \"{}\" but no cluster/identity; choose another with --data-dir",
            root.display(),
            other.to_string_lossy()
        ))),
        _ if !ours && root.join("postgresql").read_dir().is_ok_and(|mut d| d.next().is_some()) => {
            Err(StartError::new(format!("{} holds a store but no cluster/identity: its format is unknown", root.display())))
        }
        _ => Ok(()),
    }
}

fn lock(root: &Path, path: &Path) -> Result<File, StartError> {
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).read(true).open(path).map_err(|e| unwritable(root, &e))?;
    match file.try_lock() {
        Ok(()) => {
            // Who holds it, for whoever looks; the lock itself is the kernel's.
            let _ = file.set_len(0).and_then(|()| (&file).write_all(format!("{}\n", std::process::id()).as_bytes()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(path).unwrap_or_default();
            let holder = holder.trim();
            let who = if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
            Err(StartError::new(format!("the data folder {} is locked: another server{who} has it open", root.display())))
        }
        Err(TryLockError::Error(e)) => Err(unwritable(root, &e)),
    }
}

fn read_identity(root: &Path, text: &str) -> Result<String, StartError> {
    let broken = || StartError::new(format!("{}/cluster/identity is not one this server wrote", root.display()));
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Err(broken());
    }
    let value = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.trim_start().strip_prefix('=').map(str::trim));
    let format: u32 = value("format").and_then(|v| v.parse().ok()).ok_or_else(broken)?;
    if format != FORMAT {
        return Err(StartError::new(format!(
            "the data folder {} has format {format}, this server reads format {FORMAT}: use the version of Orbit that wrote it",
            root.display()
        )));
    }
    value("cluster").map(str::to_owned).ok_or_else(broken)
}

fn write_identity(cluster: &Path, path: &Path, id: &str) -> io::Result<()> {
    let written = cluster.join("identity.new");
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let mut file = File::create(&written)?;
    writeln!(file, "{TITLE}\nformat = {FORMAT}\ncluster = {id}\ncreated = {day}")?;
    file.sync_all()?;
    fs::rename(&written, path)?;
    sync_folder(cluster)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn unwritable(root: &Path, e: &io::Error) -> StartError {
    StartError::new(format!("cannot use the data folder {}: {e}", root.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_reopened_and_remembers_how_it_was_left() {
        let tmp = tempfile::tempdir().unwrap();
        let root = tmp.path().join("data");
        let first = DataDir::open(&root).unwrap();
        assert!(first.is_new() && !first.was_clean());
        let id = first.cluster_id().to_owned();
        let second = DataDir::open(&root).unwrap_err();
        assert!(second.to_string().contains("is locked: another server"), "{second}");
        first.close_clean().unwrap();
        let again = DataDir::open(&root).unwrap();
        assert!(again.was_clean() && !again.is_new() && again.cluster_id() == id);
        drop(again);
        assert!(!DataDir::open(&root).unwrap().was_clean());
    }

    #[test]
    fn foreign_and_newer_folders_are_left_alone() {
        let tmp = tempfile::tempdir().unwrap();
        fs::write(tmp.path().join("photo.jpg"), b"x").unwrap();
        let e = DataDir::open(tmp.path()).unwrap_err().to_string();
        assert!(e.contains("is not an Orbit data folder"), "{e}");
        assert!(!tmp.path().join("cluster").exists());

        let newer = tmp.path().join("newer");
        drop(DataDir::open(&newer).unwrap());
        fs::write(newer.join("cluster/identity"), "orbit data folder\nformat = 99\ncluster = x\n").unwrap();
        let e = DataDir::open(&newer).unwrap_err().to_string();
        assert!(e.contains("has format 99, this server reads format 1"), "{e}");
    }
}
