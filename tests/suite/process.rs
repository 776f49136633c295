//! A server process of its own for a test: a free port, a temporary folder, stopped when dropped.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a start or a stop may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is to be started.
pub struct Setup {
    folder: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Setup {
    /// Data in `folder`/data, configured by flags only.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), args: Vec::new(), env: Vec::new() }
    }

    /// A further flag.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it is ready.
    pub fn start(self) -> Server {
        let port = free_port();
        let mut command = command(&self.folder);
        command.args(["--port", &port.to_string()]).args(&self.args).envs(self.env);
        command.env("ORBIT_PROTOCOLS_UNIX_SOCKET_DIRECTORY", &self.folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server's binary runs");
        let log = Arc::new(Mutex::new(String::new()));
        let (sink, stderr) = (log.clone(), child.stderr.take().expect("piped"));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = sink.lock().expect("no reader panics");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut greeting = String::new();
        while !greeting.contains("psql") {
            if stdout.read_line(&mut greeting).expect("UTF-8") == 0 {
                let status = child.wait();
                std::thread::sleep(Duration::from_millis(100));
                panic!("the server did not start ({status:?}): {}", log.lock().expect("no reader panics"));
            }
        }
        Server { child, port, folder: self.folder, greeting, log }
    }

    /// Runs it to its end, for starts that fail.
    pub fn run(self) -> Output {
        let port = free_port();
        let mut command = command(&self.folder);
        command.env("ORBIT_PORT", port.to_string()).args(&self.args).envs(self.env);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server's binary runs");
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().expect("it is our child").is_none() {
            if Instant::now() > deadline {
                child.kill().expect("it is our child");
                panic!("the server did not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.wait_with_output().expect("it is our child")
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orbit-server"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("RUST_LOG");
    command.args(["--data-dir", &folder.join("data").display().to_string()]);
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// A running server.
pub struct Server {
    child: Child,
    /// TCP port on 127.0.0.1.
    pub port: u16,
    /// The folder given to [`Setup::new`].
    pub folder: PathBuf,
    /// What it printed when it was ready.
    pub greeting: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no reader panics").clone()
    }

    /// Waits until it has logged `text`.
    pub fn expect_log(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is not in the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Memory it holds, bytes.
    pub fn resident(&self) -> usize {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.pid())).expect("the server runs");
        text.split(' ').nth(1).and_then(|n| n.parse::<usize>().ok()).expect("pages in memory") * 4096
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        self.wait()
    }

    /// Kills it at once, as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("process ids fit");
        // SAFETY: kill(2) takes plain numbers; the process is our child and not yet waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Runs psql on `database` with further arguments and `input`; quiet, unaligned, tuples only, stops at the first error.
    pub fn psql(&self, database: &str, args: &[&str], input: &str) -> Output {
        let mut child = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "orbit", "-p", &self.port.to_string()])
            .args(["-d", database])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql is installed");
        let stdin = child.stdin.take().expect("piped");
        let writer = std::thread::spawn({
            let input = input.to_owned();
            move || write_all(stdin, &input)
        });
        let output = child.wait_with_output().expect("it is our child");
        writer.join().expect("the writer does not panic");
        output
    }

    /// What psql prints for `sql` on database `actors`, or the errors it reports.
    pub fn try_sql(&self, sql: &str) -> Result<String, String> {
        let output = self.psql("actors", &[], sql);
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8").trim_end().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// What psql prints for `sql` on database `actors`; the test fails if it reports an error.
    pub fn sql(&self, sql: &str) -> String {
        let output = self.psql("actors", &[], sql);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {errors}\n{}", self.log());
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }
}

/// psql may stop reading at an error: that is its answer, not ours.
fn write_all(mut stdin: ChildStdin, input: &str) {
    let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// Everything a stream says, for clients that only listen.
pub fn read_all(mut stream: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}
