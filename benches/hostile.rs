//! The cost of hostile requests: CPU time and peak memory of a whole request through the router. Some requests exceed
//! the bounds, and the others are the largest ones within them. `cargo bench --bench hostile` prints a table.
//!
//! The bounds promise 50 ms and 10 MiB for any request. Both are measured for the whole process, so the
//! figures include the database's threads.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use clap::Parser;
use cpu_time::ProcessTime;
use http_body_util::BodyExt;
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use sms_login::app::App;
use sms_login::clock::SystemClock;
use sms_login::config::{self, Config, ParseOutcome, Settings};
use tower::ServiceExt;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const RUNS: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

#[derive(Parser)]
struct OnlySettings {
    #[command(flatten)]
    settings: Settings,
}

/// The cost of one request.
#[derive(Clone, Copy, Default)]
struct Cost {
    cpu: Duration,
    peak: usize,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let data = tempfile::TempDir::new()?;
        let router = server(data.path().as_os_str().to_owned()).await?;
        let token = sign_in(&router).await?;

        println!("{:<52} {:>8} {:>8}  answer", "request", "CPU, ms", "MiB");
        let mut worst = Cost::default();
        for (name, query, variables) in requests() {
            let body = json!({ "query": query, "operationName": null, "variables": variables }).to_string();
            let mut costs = Vec::new();
            let mut answer = String::new();
            for _ in 0..RUNS {
                let (cost, text) = measure(&router, body.clone(), &token).await?;
                costs.push(cost);
                answer = text;
            }
            costs.sort_by_key(|cost| cost.cpu);
            let cost = Cost { cpu: costs[RUNS / 2].cpu, peak: costs.iter().map(|cost| cost.peak).max().unwrap_or(0) };
            worst = Cost { cpu: worst.cpu.max(cost.cpu), peak: worst.peak.max(cost.peak) };
            print(name, cost, &outcome(&answer));
        }
        print("the maximum", worst, "");
        Ok(())
    })
}

fn print(name: &str, cost: Cost, answer: &str) {
    #[expect(clippy::cast_precision_loss, reason = "mebibytes, to two digits")]
    let peak = cost.peak as f64 / MIB;
    println!("{name:<52} {:>8.2} {peak:>8.2}  {answer}", cost.cpu.as_secs_f64() * 1000.0);
}

/// Returns the code of the first error, or the length of a response without errors.
fn outcome(answer: &str) -> String {
    let parsed: Value = serde_json::from_str(answer).unwrap_or_default();
    let code = parsed["errors"][0]["extensions"]["code"].as_str();
    code.map_or_else(|| format!("{} KiB", answer.len() / 1024), str::to_owned)
}

async fn server(data_dir: OsString) -> anyhow::Result<Router> {
    let env = BTreeMap::from([
        ("DATA_DIR".to_owned(), data_dir),
        ("TEST_NUMBERS".to_owned(), "+8613800000000=135790".into()),
        ("SEND_IP_HOURLY_LIMIT".to_owned(), "0".into()),
        ("SEND_IP_DAILY_LIMIT".to_owned(), "0".into()),
    ]);
    let parsed = config::parse::<OnlySettings>(&[OsString::from("sms-login")], &env)?;
    let settings = match parsed {
        ParseOutcome::Parsed(parsed, _) => parsed.settings,
        ParseOutcome::Said(said) => anyhow::bail!("{said}"),
    };
    Ok(App::build(Config::try_from(settings)?, Arc::new(SystemClock)).await?.router())
}

async fn send(router: &Router, body: String, token: Option<&str>) -> anyhow::Result<String> {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut request = request.body(Body::from(body))?;
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))));
    let answer = router.clone().oneshot(request).await?;
    Ok(String::from_utf8(answer.into_body().collect().await?.to_bytes().to_vec())?)
}

/// Signs one user in on a hundred devices, the maximum of a list of sessions, and returns the last access token.
async fn sign_in(router: &Router) -> anyhow::Result<String> {
    let mut token = String::new();
    for device in 0..100 {
        let ask = json!({ "query": "mutation { requestCode(input: { phone: \"+8613800000000\" }) { ... on RequestCodePayload { challengeId } } }" });
        let asked: Value = serde_json::from_str(&send(router, ask.to_string(), None).await?)?;
        let input = json!({
            "phone": "+8613800000000",
            "code": "135790",
            "challengeId": asked["data"]["requestCode"]["challengeId"],
            "deviceName": format!("{}{device:03}", "設".repeat(61)),
        });
        let login = json!({ "query": "mutation($i: LoginInput!) { login(input: $i) { ... on LoginPayload { accessToken } } }", "variables": { "i": input } });
        let login: Value = serde_json::from_str(&send(router, login.to_string(), None).await?)?;
        let text = login["data"]["login"]["accessToken"].as_str();
        token = text.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no sign-in: {login}"))?;
    }
    Ok(token)
}

async fn measure(router: &Router, body: String, token: &str) -> anyhow::Result<(Cost, String)> {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let begun = ProcessTime::now();
    let answer = send(router, body, Some(token)).await?;
    let cost = Cost { cpu: begun.elapsed(), peak: ALLOCATOR.peak_usage().saturating_sub(before) };
    Ok((cost, answer))
}

fn many(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

#[expect(clippy::too_many_lines, reason = "a list of requests")]
/// Returns the attacks, and the largest requests of each kind that are within the bounds.
fn requests() -> Vec<(&'static str, String, Value)> {
    let long = |n: usize| format!("{}{n:03}", "n".repeat(250));
    let doubling = many(24, |n| format!("fragment A{n} on Query{{...A{m} ...A{m}}}", m = n + 1));
    let undefined = many(110, |n| format!("${} ", long(n)));
    let operations = |count: usize, set: &str| many(count, |n| format!("query Q{n} {set} "));
    let uses = |count: usize| {
        many(count, |n| {
            format!("a{n}: logout(input: {{ sessionIds: $ids }}) {{ ... on LogoutPayload {{ endedSessions }} }} ")
        })
    };
    let described = |count: usize| many(count, |n| format!("d{n}: description "));
    let sessions = "sessions { id deviceName createdAt lastUsedAt expiresAt current ";
    vec![
        (
            "fragments that double 24 times",
            format!("{{...A0}}{doubling}fragment A24 on Query{{...Nowhere}}"),
            json!({}),
        ),
        (
            "a variable of 125,000 numbers",
            format!("mutation($ids: [ID!]) {{ {} }}", uses(60)),
            json!({ "ids": vec![1; 120_000] }),
        ),
        (
            "objects of one field, 30,000 of them",
            "{ me { id } }".to_owned(),
            json!({ "x": vec![json!({ "": 0 }); 30_000] }),
        ),
        (
            "a variable of 900 texts, used 11 times",
            format!("mutation($ids: [ID!]) {{ {} }}", uses(11)),
            json!({ "ids": vec!["x"; 900] }),
        ),
        (
            "a text of 64 KB, used 9 times",
            format!("mutation($ids: [ID!]) {{ {} }}", uses(9)),
            json!({ "ids": ["x".repeat(64_000)] }),
        ),
        (
            "unknown fields with long names",
            operations(4, &format!("{{ {} }}", many(190, |n| format!("{} ", long(n))))),
            json!({}),
        ),
        (
            "unknown arguments with long names",
            format!("{{ {} }}", many(88, |n| format!("a{n}: me({}: 1) {{ id }} ", long(n)))),
            json!({}),
        ),
        (
            "unknown types with long names",
            format!("query({}) {{ me {{ id }} }}", many(190, |n| format!("$v{n}: {} ", long(n)))),
            json!({}),
        ),
        (
            "undefined variables in 16 operations",
            operations(16, "{ ...F }") + &format!("fragment F on Query {{ user(id: [{undefined}]) {{ id }} }}"),
            json!({}),
        ),
        (
            "conflicting fields under many levels",
            "{...".repeat(24) + "{" + &many(150, |n| format!("a:{} ", long(n))) + &"}".repeat(25),
            json!({}),
        ),
        (
            "introspection: descriptions of arguments",
            format!("{{ __schema {{ types {{ fields {{ args {{ {} }} }} }} }} }}", described(240)),
            json!({}),
        ),
        (
            "introspection: descriptions of fields",
            format!("{{ __schema {{ types {{ fields {{ {} }} }} }} }}", described(240)),
            json!({}),
        ),
        (
            "introspection: descriptions of enum values",
            format!("{{ __schema {{ types {{ enumValues {{ {} }} }} }} }}", described(240)),
            json!({}),
        ),
        (
            "introspection: types of fields of types",
            format!("{{ __schema {{ types {{ fields {{ type {{ fields {{ {} }} }} }} }} }} }}", described(200)),
            json!({}),
        ),
        (
            "lists of 100 sessions",
            format!("{{ me {{ {} }} }}", many(3, |n| format!("s{n}: {sessions} }} "))),
            json!({}),
        ),
        (
            "device names of 100 sessions",
            format!("{{ me {{ sessions {{ {} }} }} }}", many(19, |n| format!("d{n}: deviceName "))),
            json!({}),
        ),
        (
            "users that do not exist",
            format!("{{ {} }}", many(88, |n| format!("u{n}: user(id: \"00000000-0000-0000-0000-{n:012}\") {{ id }} "))),
            json!({}),
        ),
        (
            "users with a wrong id",
            format!("{{ {} }}", many(88, |n| format!("u{n}: user(id: \"{n}\") {{ id }} "))),
            json!({}),
        ),
        (
            "profile changes",
            format!(
                "mutation {{ {} }}",
                many(58, |n| format!(
                    "u{n}: updateProfile(input: {{ name: \"n{n}\" }}) {{ ... on UpdateProfilePayload {{ user {{ id }} }} }} "
                ))
            ),
            json!({}),
        ),
        (
            "a block string of lines",
            format!("{{ user(id: \"\"\"{}\"\"\") {{ id }} }}", "\n".repeat(100_000)),
            json!({}),
        ),
        ("a comment", format!("{{ me {{ id }} }} #{}", "#".repeat(200_000)), json!({})),
        ("nested lists", format!("{{ user(id: {}1{}) {{ id }} }}", "[".repeat(47), "]".repeat(47)), json!({})),
        ("a thousand numbers", format!("{{ user(id: [{}]) {{ id }} }}", "1 ".repeat(980)), json!({})),
    ]
}
