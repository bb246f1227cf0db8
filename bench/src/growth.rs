//! How cost grows with the number of users and of connections.

use anyhow::Result;
use serde::Serialize;

use crate::Options;
use crate::client::Client;
use crate::load::{Cost, Load};
use crate::machine::{self, memory_mib};
use crate::report::{self, median};
use crate::scenario::{Course, Scenario};
use crate::target::Kind;
use crate::world::World;

const SESSIONS: usize = 256;
const WARM_UP: u64 = 400;
const ROUNDS: usize = 3;
/// The connections while the number of users grows, and the users while the number of connections grows.
const USUAL_CONNECTIONS: usize = 32;
const USUAL_USERS: u64 = 100_000;
/// Connections that are open and idle while memory is measured.
const IDLE: u32 = 2000;

/// What is measured.
pub(crate) struct Plan {
    pub(crate) users: Vec<u64>,
    pub(crate) connections: Vec<usize>,
    /// Operations of one scenario in one round.
    pub(crate) operations: u64,
}

#[derive(Serialize)]
struct Figures {
    machine: String,
    by_users: Vec<Point>,
    by_connections: Vec<Point>,
    kib_an_idle_connection: f64,
}

/// How many users and connections a measurement has.
struct At {
    users: u64,
    connections: usize,
    /// `users` or `connections`: the one that this series varies.
    number: u64,
}

/// The cost of one scenario at one number of users or of connections.
#[derive(Serialize)]
struct Point {
    scenario: &'static str,
    at: u64,
    #[serde(flatten)]
    cost: Cost,
    peak_mib: f64,
}

pub(crate) async fn run(options: &Options, plan: &Plan) -> Result<()> {
    let mut by_users = Vec::new();
    for &users in &plan.users {
        eprintln!("storing {users} users");
        let world = World::start(&options.server, users).await?;
        by_users
            .extend(points(options, &world, plan, At { users, connections: USUAL_CONNECTIONS, number: users }).await?);
    }

    eprintln!("storing {USUAL_USERS} users");
    let world = World::start(&options.server, USUAL_USERS).await?;
    let mut by_connections = Vec::new();
    for &connections in &plan.connections {
        by_connections.extend(
            points(options, &world, plan, At { users: USUAL_USERS, connections, number: connections as u64 }).await?,
        );
    }
    let kib_an_idle_connection = idle_connections(&world).await?;

    let figures = Figures { machine: machine::description(), by_users, by_connections, kib_an_idle_connection };
    println!("\n{}\n\n{}", figures.machine, table("users", &figures.by_users));
    println!("{}", table("connections", &figures.by_connections));
    println!("An idle connection takes {kib_an_idle_connection:.1} KiB.");
    report::write_json(options.json.as_deref(), &figures)
}

/// Measures all scenarios on a new server process.
async fn points(options: &Options, world: &World, plan: &Plan, at: At) -> Result<Vec<Point>> {
    let At { users, connections, number } = at;
    let (running, _) = world.launch(Kind::Server, &[]).await?;
    let sessions = SESSIONS.max(connections);
    let course = Course::prepare(Kind::Server, world.inbox.clone(), users, sessions, &running.address).await?;
    let mut load = Load::connect(course, &running.address, connections).await?;

    let mut points = Vec::new();
    for scenario in options.scenarios() {
        load.run(world, &running, scenario, WARM_UP.max(2 * connections as u64)).await?;
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            // A second code for the same phone would replace the first one before its login.
            let operations = plan.operations.min(users);
            costs.push(load.run(world, &running, scenario, operations).await?);
        }
        let cost = medians(&costs);
        let peak_mib = memory_mib(running.pid(), "VmHWM")?;
        eprintln!("{number:>8} {:<15} {:.3} ms CPU, p99 {:.1} ms", scenario.name(), cost.cpu_ms, cost.p99_ms);
        points.push(Point { scenario: scenario.name(), at: number, cost, peak_mib });
    }
    Ok(points)
}

fn medians(costs: &[Cost]) -> Cost {
    let of = |figure: fn(&Cost) -> f64| median(costs.iter().map(figure));
    Cost {
        operations: costs.iter().map(|cost| cost.operations).sum(),
        refused: costs.iter().map(|cost| cost.refused).sum(),
        per_second: of(|cost| cost.per_second),
        p50_ms: of(|cost| cost.p50_ms),
        p90_ms: of(|cost| cost.p90_ms),
        p99_ms: of(|cost| cost.p99_ms),
        cpu_ms: of(|cost| cost.cpu_ms),
        mariadb_ms: of(|cost| cost.mariadb_ms),
        redis_ms: of(|cost| cost.redis_ms),
    }
}

/// Returns the resident memory that one more idle connection takes, in KiB. Each connection has answered a request.
async fn idle_connections(world: &World) -> Result<f64> {
    let (running, _) = world.launch(Kind::Server, &[]).await?;
    let course = Course::prepare(Kind::Server, world.inbox.clone(), USUAL_USERS, 1, &running.address).await?;
    let mut first = Client::connect(&running.address).await?;
    for n in 0..WARM_UP {
        course.run(Scenario::Me, &mut first, n, 0).await?;
    }

    let before = memory_mib(running.pid(), "VmRSS")?;
    let mut clients = Vec::new();
    for n in 0..IDLE {
        let mut client = Client::connect(&running.address).await?;
        course.run(Scenario::Me, &mut client, n.into(), 0).await?;
        clients.push(client);
    }
    let grown = memory_mib(running.pid(), "VmRSS")? - before;
    Ok(grown * 1024.0 / f64::from(IDLE))
}

/// Returns a table with a row for each scenario and a column for each number.
fn table(what: &str, points: &[Point]) -> String {
    let mut numbers: Vec<u64> = points.iter().map(|point| point.at).collect();
    numbers.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    let heads: Vec<String> = numbers.iter().map(|number| format!("{number} {what}")).collect();
    let head: Vec<&str> = std::iter::once("CPU, ms / p99, ms").chain(heads.iter().map(String::as_str)).collect();

    let cell = |scenario: &str, number: u64| {
        let point = points.iter().find(|point| point.scenario == scenario && point.at == number);
        point.map_or_else(String::new, |Point { cost, .. }| {
            let refused = 100 * cost.refused / (cost.operations + cost.refused);
            let refused = if refused > 0 { format!(", {refused} % refused") } else { String::new() };
            format!("{:.3} / {:.1}{refused}", cost.cpu_ms, cost.p99_ms)
        })
    };
    let rows = Scenario::ALL.iter().map(|scenario| scenario.name()).map(|name| {
        std::iter::once(name.to_owned()).chain(numbers.iter().map(|number| cell(name, *number))).collect::<Vec<_>>()
    });
    let mut rows: Vec<_> = rows.collect();
    let peak =
        |number: u64| points.iter().filter(|point| point.at == number).map(|point| point.peak_mib).fold(0.0, f64::max);
    rows.push(
        std::iter::once("peak memory, MiB".to_owned())
            .chain(numbers.iter().map(|n| format!("{:.1}", peak(*n))))
            .collect(),
    );
    report::table(&head, &rows)
}
