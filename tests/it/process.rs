//! The program as its own process: started with an environment, called over HTTP, and ended by its id.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use reqwest::header;
use serde_json::{Value, json};
use sms_login::clock::{Clock, SystemClock};

use crate::problems::{folded, with_fragment};
use crate::servers;
use crate::tencent_stub::{self, TencentStub};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sms-login");

/// The output and the exit status of a command.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

fn command(args: &[&str], env: &BTreeMap<String, String>) -> Command {
    command_of(Path::new(PROGRAM), args, env)
}

fn command_of(program: &Path, args: &[&str], env: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(env).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns a command that runs `serve` under a limit of the shell.
fn limited(limit: &str, env: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("{limit} && exec \"$0\" serve"), PROGRAM]).env_clear().envs(env);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub(crate) fn run(args: &[&str], env: &BTreeMap<String, String>) -> Output {
    output_of(command(args, env))
}

/// Runs a command of another program to its end, such as one of the previous release.
pub(crate) fn run_program(program: &Path, args: &[&str], env: &BTreeMap<String, String>) -> Output {
    output_of(command_of(program, args, env))
}

/// Runs `serve` to its end, under a limit of the shell that it rejects.
pub(crate) fn run_under(limit: &str, env: &BTreeMap<String, String>) -> Output {
    output_of(limited(limit, env))
}

fn output_of(mut command: Command) -> Output {
    let output = command.output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Output { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

/// Returns an environment with these settings.
pub(crate) fn env<const N: usize>(settings: [(&str, &str); N]) -> BTreeMap<String, String> {
    settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns the settings of a server on MySQL and Redis that sends its SMS to the stand-in.
pub(crate) fn shared_env(database_url: &str, redis_url: &str, sms: &TencentStub) -> BTreeMap<String, String> {
    let key =
        sms_login::tokens::keys::generate(sms_login::tokens::keys::SigningAlgorithm::EdDsa).expect("a key").private_pem;
    env([
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("DATABASE_URL", database_url),
        ("REDIS_URL", redis_url),
        ("REDIS_KEY_PREFIX", &servers::fresh_key_prefix()),
        ("JWT_SIGNING_KEY", &key),
        ("TENCENTCLOUD_SECRET_ID", tencent_stub::SECRET_ID),
        ("TENCENTCLOUD_SECRET_KEY", tencent_stub::SECRET_KEY),
        ("TENCENT_SMS_SDK_APP_ID", tencent_stub::SDK_APP_ID),
        ("TENCENT_SMS_SIGN_NAME", tencent_stub::SIGN_NAME),
        ("TENCENT_SMS_TEMPLATE_ID", tencent_stub::LOGIN_TEMPLATE),
        ("TENCENT_SMS_ENDPOINT", &sms.endpoint()),
        ("TENCENT_CAPTCHA_ENDPOINT", &sms.endpoint()),
    ])
}

/// Starts a stand-in for the provider, with the machine's clock.
pub(crate) async fn stub() -> TencentStub {
    TencentStub::start(Arc::new(SystemClock) as Arc<dyn Clock>).await
}

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    client: reqwest::Client,
}

impl Server {
    /// Starts `serve` and waits until it listens.
    pub(crate) fn start(env: &BTreeMap<String, String>) -> Self {
        Self::spawn(command(&["serve"], env))
    }

    /// Starts `serve` of another program, and waits until it listens.
    pub(crate) fn start_program(program: &Path, env: &BTreeMap<String, String>) -> Self {
        Self::spawn(command_of(program, &["serve"], env))
    }

    /// Starts `serve` under a limit of the shell, such as `ulimit -n 256`, and waits until it listens.
    pub(crate) fn start_under(limit: &str, env: &BTreeMap<String, String>) -> Self {
        Self::spawn(limited(limit, env))
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let mut err = BufReader::new(child.stderr.take().expect("standard error"));
        let mut said = String::new();
        let base = loop {
            let mut line = String::new();
            let more = err.read_line(&mut line).expect("a line");
            assert!(more > 0, "the server ended: {said}");
            said.push_str(&line);
            if let Some((_, rest)) = line.split_once("http://") {
                let address = rest.split('/').next().unwrap_or_default();
                break format!("http://{address}");
            }
        };
        log.lock().unwrap_or_else(PoisonError::into_inner).push_str(&said);
        let out = child.stdout.take().expect("standard output");
        let readers = vec![collect(err, &log), collect(out, &log)];
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        Self { child, base, log, readers, client }
    }

    pub(crate) async fn run(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let body = json!({ "query": with_fragment(query), "variables": variables }).to_string();
        let mut request =
            self.client.post(format!("{}/graphql", self.base)).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.body(body).send().await.expect("an answer").text().await.expect("a body");
        folded(serde_json::from_str(&answer).expect("JSON"))
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Returns the page of metrics. The server needs `METRICS_ADDR=127.0.0.1:0`.
    pub(crate) async fn metrics(&self) -> String {
        let line = self.printed_line("metrics on ").await;
        let (_, url) = line.split_once("metrics on ").expect("an address");
        let answer = self.client.get(url.trim()).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.text().await.expect("a page")
    }

    /// Posts a body, and returns the status.
    pub(crate) async fn post(&self, path: &str, body: String) -> u16 {
        let answer = self.client.post(format!("{}{path}", self.base)).body(body).send().await.expect("an answer");
        answer.status().as_u16()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
    }

    /// Waits for the end, and returns the exit status and everything that was printed.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("an end");
        for reader in self.readers.drain(..) {
            reader.join().expect("all is read");
        }
        (status, self.printed())
    }

    /// Returns the first printed line that contains a text. The answer to a request can arrive before its log line is read.
    pub(crate) async fn printed_line(&self, text: &str) -> String {
        for _ in 0..200 {
            if let Some(line) = self.printed().lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no line contains {text}:\n{}", self.printed());
    }

    /// Returns everything that was printed so far.
    pub(crate) fn printed(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn collect(from: impl Read + Send + 'static, log: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let line = line.expect("a line");
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    })
}
