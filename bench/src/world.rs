//! Everything that runs beside the harness: the stores, the stand-in for Tencent Cloud, the server and the floor.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tempfile::TempDir;

use crate::client::{Call, Client};
use crate::machine;
use crate::stub::{self, Inbox};
use crate::target::Kind;

const START_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_micros(500);

/// A process that ends when this is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: String,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the process to end, and waits until it has: a profiler writes its report then.
    pub(crate) fn stop(mut self) -> Result<()> {
        if let Some(pid) = Pid::from_raw(self.pid().try_into()?) {
            kill_process(pid, Signal::TERM)?;
        }
        self.child.wait()?;
        Ok(())
    }

    fn is_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("a server ended at its start: {status}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct World {
    pub(crate) mariadb: Running,
    pub(crate) redis: Running,
    pub(crate) inbox: Inbox,
    server: String,
    floor: String,
    sms_url: String,
    folder: TempDir,
}

impl World {
    /// Starts the stores, and fills the database of each target with users.
    pub(crate) async fn start(server: &Path, users: u64) -> Result<Self> {
        let server = server.canonicalize().with_context(|| format!("{} is not built", server.display()))?;
        let floor = std::env::current_exe()?.with_file_name("floor");
        ensure!(floor.is_file(), "{} is not built", floor.display());
        let folder = tempfile::Builder::new().prefix("sms-login-bench-").tempdir()?;
        let inbox = Inbox::default();
        let sms_url = stub::start(inbox.clone()).await?;
        let (mariadb, redis) = (start_mariadb(folder.path()).await?, start_redis(folder.path()).await?);
        let path = |path: &Path| path.display().to_string();
        let world = Self { mariadb, redis, inbox, server: path(&server), floor: path(&floor), sms_url, folder };

        let mut database = world.database("").await?;
        for kind in [Kind::Server, Kind::Floor] {
            let name = kind.name();
            run_sql(&mut database, format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await?;
        }
        let key = Command::new(&world.server).arg("keygen").output()?.stdout;
        std::fs::write(world.key_file(), key)?;
        std::fs::set_permissions(world.key_file(), Permissions::from_mode(0o600))?;
        for kind in [Kind::Server, Kind::Floor] {
            let mut migrate = machine::command(None);
            world.complete(&mut migrate, Kind::Server, kind, "migrate");
            ensure!(migrate.status()?.success(), "the migration failed");
            world.seed(kind, users).await?;
        }
        Ok(world)
    }

    /// Stores users, each with one session that has not expired.
    async fn seed(&self, kind: Kind, users: u64) -> Result<()> {
        let mut database = self.database(kind.name()).await?;
        let id = "UNHEX(LPAD(HEX(seq), 32, '0'))";
        let now = jiff::Timestamp::now().as_millisecond();
        let expiry = now + 30 * 86_400_000;
        let first = 8_613_000_000_000_u64;
        let statements = [
            format!(
                "INSERT INTO users (id, phone, name, avatar, created_at, last_login_at) \
                 SELECT {id}, CONCAT('+', {first} + seq), CONCAT('User ', seq), 'http://127.0.0.1/avatars/1.svg', \
                 {now}, {now} FROM seq_1_to_{users}"
            ),
            format!(
                "INSERT INTO sessions (id, user_id, salt, generation, rotated_at, first_address, last_address, \
                 created_at, last_used_at, expires_at, authenticated_at) \
                 SELECT {id}, {id}, {id}, 0, {now}, '10.0.0.1', '10.0.0.1', {now}, {now}, {expiry}, {now} \
                 FROM seq_1_to_{users}"
            ),
            "ANALYZE TABLE users, sessions".to_owned(),
        ];
        for statement in statements {
            run_sql(&mut database, statement).await?;
        }
        Ok(())
    }

    /// Starts a target, with the words of `under` before its command, and waits until it has reached its stores. Returns the time
    /// from its start to its first answer, too.
    pub(crate) async fn launch(&self, kind: Kind, under: &[String]) -> Result<(Running, Duration)> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = machine::command(machine::measured_core());
        command.args(under);
        self.complete(&mut command, kind, kind, "serve");
        let log = std::fs::File::create(self.folder.path().join(format!("{}.log", kind.name())))?;
        command.env("LISTEN_ADDR", &address).stderr(log);
        let begun = Instant::now();
        let mut running = Running { child: command.spawn()?, address };
        Self::wait_for("/healthz", &mut running).await?;
        let started_in = begun.elapsed();
        Self::wait_for("/readyz", &mut running).await?;
        Ok((running, started_in))
    }

    /// Waits until a path answers with status 200: at `/readyz`, the target has reached its stores.
    async fn wait_for(path: &'static str, running: &mut Running) -> Result<()> {
        let begun = Instant::now();
        loop {
            let call = Call { path, body: None, token: None, client: "10.0.0.1".to_owned() };
            let answer = match Client::connect(&running.address).await {
                Ok(mut client) => client.exchange(call).await.ok(),
                Err(_) => None,
            };
            if answer.is_some_and(|(status, _)| status == 200) {
                return Ok(());
            }
            running.is_alive()?;
            ensure!(begun.elapsed() < START_LIMIT, "{path} does not answer");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Adds the program to a command, and its settings, with the database of `data`. The server's limits are on, but too
    /// high to reject a request.
    fn complete(&self, command: &mut Command, kind: Kind, data: Kind, verb: &str) {
        let database = self.database_url(data.name());
        let redis = match kind {
            Kind::Server => format!("redis://{}/0", self.redis.address),
            Kind::Floor => format!("redis://{}/1", self.redis.address),
        };
        let program = if kind == Kind::Server { &self.server } else { &self.floor };
        command.arg(program);
        if kind == Kind::Server {
            command.arg(verb);
        }
        let high = "1000000";
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([
                ("DATABASE_URL", database.as_str()),
                ("REDIS_URL", &redis),
                ("TENCENT_SMS_ENDPOINT", &self.sms_url),
                ("TENCENTCLOUD_SECRET_ID", "bench"),
                ("TENCENTCLOUD_SECRET_KEY", "bench-key"),
                ("TENCENT_SMS_SDK_APP_ID", "1400000001"),
                ("TENCENT_SMS_SIGN_NAME", "bench"),
                ("TENCENT_SMS_TEMPLATE_ID", "100001"),
                ("JWT_SIGNING_KEY_FILE", &self.key_file()),
                ("TRUSTED_PROXIES", "127.0.0.1/32"),
                ("SEND_COOLDOWN", "1ms"),
                ("SEND_DAILY_LIMIT", high),
                ("SEND_DAILY_LIMIT_PER_ADDRESS", high),
                ("SEND_IP_HOURLY_LIMIT", high),
                ("SEND_IP_DAILY_LIMIT", high),
                ("ATTEMPT_IP_HOURLY_LIMIT", high),
                // Traffic of which nothing is verified would make the guard log a line for each send.
                ("GUARD_DAILY_FLOOR", "1000000000"),
                ("GUARD_HOURLY_FLOOR", "1000000000"),
            ])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
    }

    fn key_file(&self) -> String {
        self.folder.path().join("key.pem").display().to_string()
    }

    fn database_url(&self, name: &str) -> String {
        format!("mysql://root@{}/{name}", self.mariadb.address)
    }

    async fn database(&self, name: &str) -> Result<MySqlConnection> {
        let options = MySqlConnectOptions::from_str(&self.database_url(name))?;
        Ok(MySqlConnection::connect_with(&options).await?)
    }
}

async fn run_sql(database: &mut MySqlConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(database).await?;
    Ok(())
}

/// Starts a MariaDB that flushes nothing to disk: the disk is not measured.
async fn start_mariadb(folder: &Path) -> Result<Running> {
    let data = format!("--datadir={}", folder.join("data").display());
    let user = rustix::process::geteuid().is_root().then_some("--user=root");
    let installed = Command::new("mariadb-install-db")
        .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal", &data])
        .args(user)
        .stdout(Stdio::null())
        .status()
        .context("mariadb-install-db is not installed: apt-get install mariadb-server")?;
    ensure!(installed.success(), "mariadb-install-db failed");

    let port = free_port()?;
    let child = machine::command(None)
        .arg("mariadbd")
        .arg("--no-defaults")
        .args(user)
        .args([&data, &format!("--socket={}", folder.join("socket").display()), &format!("--port={port}")])
        .args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--max-connections=500",
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--innodb-doublewrite=0",
            "--innodb-buffer-pool-size=1G",
            "--innodb-log-file-size=256M",
            "--performance-schema=0",
        ])
        .env("PATH", path_with_sbin())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut running = Running { child, address: format!("127.0.0.1:{port}") };
    let options = MySqlConnectOptions::from_str(&format!("mysql://root@127.0.0.1:{port}/"))?;
    let begun = Instant::now();
    while MySqlConnection::connect_with(&options).await.is_err() {
        running.is_alive()?;
        ensure!(begun.elapsed() < START_LIMIT, "MariaDB does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(running)
}

async fn start_redis(folder: &Path) -> Result<Running> {
    let port = free_port()?;
    let child = machine::command(None)
        .arg("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()?;
    let mut running = Running { child, address: format!("127.0.0.1:{port}") };
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(&running.address).await.is_err() {
        running.is_alive()?;
        ensure!(begun.elapsed() < START_LIMIT, "Redis does not answer: apt-get install redis-server");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(running)
}

/// `PATH` of ordinary users often lacks the folders of servers.
fn path_with_sbin() -> String {
    format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
