//! Private servers, which a test may stop, start again and pause.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::REDIS_DATABASES;
use super::watchdog::{Watchdog, free_port, new_folder, program, run};

/// The number of ports to try before a server counts as failed.
const TRIES: u32 = 5;

const INSTALL_MARIADB: &str = "apt-get install mariadb-server (or set TEST_DATABASE_URL)";
pub(super) const INSTALL_REDIS: &str = "apt-get install redis-server (or set TEST_REDIS_URL)";

/// A private MariaDB server. Dropping it stops the server and removes its data.
pub(crate) struct OwnMariaDb {
    watchdog: Watchdog,
    port: u16,
}

impl OwnMariaDb {
    /// Starts a server without any database except MariaDB's system databases.
    ///
    /// # Panics
    /// If it cannot be started. The message names the command that installs it.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more options.
    pub(super) fn start_with(options: &[String]) -> Self {
        let (watchdog, port) = start_on_a_free_port(|port| {
            let folder = new_folder();
            let mariadbd = program("mariadbd", INSTALL_MARIADB);
            let mut command = vec![mariadbd, "--no-defaults".into()];
            command.extend(run_as_root_too());
            command.push(argument("--datadir=", folder.join("data")));
            command.push(argument("--socket=", folder.join("socket")));
            command.push(argument("--pid-file=", folder.join("pid")));
            command.push(format!("--port={port}").into());
            command.extend(MARIADB_OPTIONS.map(OsString::from));
            command.extend(options.iter().map(OsString::from));
            let watchdog = Watchdog::new(folder, &command, "ready for connections");
            run("cp", &["-r".into(), installed_data().into(), watchdog.folder().join("data").into()]);
            if !options.is_empty() {
                // If root starts a node of a cluster, the transfer of its state writes here as another user.
                run("chmod", &["-R".into(), "777".into(), watchdog.folder().into()]);
            }
            watchdog
        });
        Self { watchdog, port }
    }

    /// Returns the server's URL, without a database.
    pub(crate) fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.port)
    }

    /// Creates an empty database and returns its URL.
    pub(crate) fn create_database(&self) -> String {
        super::create_database(&self.url())
    }

    /// Kills the server with SIGKILL.
    pub(crate) fn kill(&self) {
        self.watchdog.kill();
    }

    /// Stops the server. Committed data stays.
    pub(crate) fn stop(&self) {
        self.watchdog.stop();
    }

    /// Starts the stopped server, on the same port and with the same data.
    pub(crate) fn start_again(&self) {
        assert!(self.watchdog.start(), "MariaDB did not start again:\n{}", self.watchdog.log());
    }

    /// Pauses the server: connections stay open, but nothing is answered.
    pub(crate) fn pause(&self) {
        self.watchdog.pause();
    }

    /// Resumes the paused server.
    pub(crate) fn resume(&self) {
        self.watchdog.resume();
    }
}

/// Small and without flushing: the data need not survive a power failure.
const MARIADB_OPTIONS: [&str; 13] = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--max-connections=500",
    "--character-set-server=utf8mb4",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=16M",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--performance-schema=0",
];

/// A private Redis server that stores nothing on disk. Dropping it stops the server.
pub(crate) struct OwnRedis {
    watchdog: Watchdog,
    port: u16,
}

impl OwnRedis {
    /// Starts an empty server.
    ///
    /// # Panics
    /// If it cannot be started. The message names the command that installs it.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| vec!["--databases".to_owned(), REDIS_DATABASES.to_string()])
    }

    /// Starts an empty server that accepts only TLS. Its certificate for 127.0.0.1 is issued by the authority in `ca.pem`.
    pub(crate) fn start_with_tls() -> Self {
        let file = |name: &str| format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"));
        Self::start_with(|port| {
            let (certificate, key, authority) = (file("server.pem"), file("server.key"), file("ca.pem"));
            let options = [
                ("--port", "0"),
                ("--tls-port", port),
                ("--tls-cert-file", &certificate),
                ("--tls-key-file", &key),
                ("--tls-ca-cert-file", &authority),
                ("--tls-auth-clients", "no"),
            ];
            options.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect()
        })
    }

    pub(super) fn start_with(options: impl Fn(&str) -> Vec<String>) -> Self {
        let (watchdog, port) = start_on_a_free_port(|port| {
            let folder = new_folder();
            let port = port.to_string();
            let mut command = vec![program("redis-server", INSTALL_REDIS)];
            command.extend(
                ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"].map(OsString::from),
            );
            command.extend(options(&port).into_iter().map(OsString::from));
            command.extend(["--dir".into(), folder.clone().into_os_string()]);
            Watchdog::new(folder, &command, "Ready to accept connections")
        });
        Self { watchdog, port }
    }

    /// Returns the server's URL, without a database.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the server's port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the server's output since its last start.
    pub(super) fn log(&self) -> String {
        self.watchdog.log()
    }

    /// Stops the server. Its data is lost.
    pub(crate) fn stop(&self) {
        self.watchdog.stop();
    }

    /// Starts the stopped server, on the same port and empty.
    pub(crate) fn start_again(&self) {
        assert!(self.watchdog.start(), "Redis did not start again:\n{}", self.watchdog.log());
    }

    /// Pauses the server: connections stay open, but nothing is answered.
    pub(crate) fn pause(&self) {
        self.watchdog.pause();
    }

    /// Resumes the paused server.
    pub(crate) fn resume(&self) {
        self.watchdog.resume();
    }
}

/// Starts the server that `prepare` returns for a port. Tries another port if that one is in use.
pub(super) fn start_on_a_free_port(prepare: impl Fn(u16) -> Watchdog) -> (Watchdog, u16) {
    let mut log = String::new();
    for _ in 0..TRIES {
        let port = free_port();
        let watchdog = prepare(port);
        if watchdog.start() {
            return (watchdog, port);
        }
        log = watchdog.log();
    }
    panic!("the server did not start:\n{log}");
}

/// Returns the data folder of a freshly installed MariaDB, which is created once per run and copied for each server.
fn installed_data() -> PathBuf {
    static TEMPLATE: OnceLock<Watchdog> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let install = program("mariadb-install-db", INSTALL_MARIADB);
        // This watchdog starts no server. It only removes the folder at the end.
        let watchdog = Watchdog::new(new_folder(), &["true".into()], "");
        let mut options: Vec<OsString> = vec!["--no-defaults".into(), "--skip-test-db".into()];
        options.push("--auth-root-authentication-method=normal".into());
        options.push("--innodb-log-file-size=16M".into());
        options.extend(run_as_root_too());
        options.push(argument("--datadir=", watchdog.folder().join("data")));
        run(install, &options);
        watchdog
    });
    template.folder().join("data")
}

/// CI containers run as root, where MariaDB starts only with this option.
fn run_as_root_too() -> Option<OsString> {
    (run("id", &["-u".into()]).trim() == "0").then(|| "--user=root".into())
}

fn argument(name: &str, path: PathBuf) -> OsString {
    let mut argument = OsString::from(name);
    argument.push(path);
    argument
}
