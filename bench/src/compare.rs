//! The server beside the floor. Both run every scenario in every round, and take turns in who begins, so that whatever
//! else the machine does meets both of them. Ratios are taken within a round.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::Options;
use crate::load::{Cost, Load, milliseconds};
use crate::machine::{self, memory_mib};
use crate::report::{self, median, range};
use crate::scenario::{Course, Scenario};
use crate::target::Kind;
use crate::world::{Running, World};

/// How many people are signed in.
const SESSIONS: usize = 256;
/// Operations before anything is measured.
const WARM_UP: u64 = 400;
const COLD_STARTS: usize = 7;

/// How much is measured.
pub(crate) struct Plan {
    rounds: usize,
    /// How long the server runs each scenario in each round, in seconds.
    seconds: f64,
    connections: usize,
    users: u64,
}

impl Plan {
    pub(crate) fn new(rounds: usize, quick: bool, connections: usize, users: u64) -> Self {
        let (rounds, seconds) = if quick { (3, 0.7) } else { (rounds, 2.0) };
        Self { rounds, seconds, connections, users }
    }
}

#[derive(Serialize)]
struct Figures {
    machine: String,
    rounds: usize,
    connections: usize,
    users: u64,
    scenarios: Vec<ScenarioFigures>,
    server: ProcessFigures,
    floor: ProcessFigures,
}

#[derive(Serialize)]
struct ScenarioFigures {
    name: &'static str,
    server: Vec<Cost>,
    floor: Vec<Cost>,
}

#[derive(Serialize, Default)]
struct ProcessFigures {
    cold_start_ms: f64,
    idle_mib: f64,
    peak_mib: f64,
}

/// One of the two programs, under load.
struct Side {
    running: Running,
    load: Load,
    figures: ProcessFigures,
}

impl Side {
    async fn start(world: &World, kind: Kind, plan: &Plan) -> Result<Self> {
        eprintln!("starting the {}", kind.name());
        let mut starts = Vec::new();
        for _ in 0..COLD_STARTS {
            starts.push(milliseconds(world.launch(kind, &[]).await?.1));
        }
        let (running, _) = world.launch(kind, &[]).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let idle_mib = memory_mib(running.pid(), "VmRSS")?;

        let sessions = SESSIONS.max(plan.connections);
        let course = Course::prepare(kind, world.inbox.clone(), plan.users, sessions, &running.address).await?;
        let load = Load::connect(course, &running.address, plan.connections).await?;
        let figures = ProcessFigures { cold_start_ms: median(starts), idle_mib, peak_mib: 0.0 };
        Ok(Self { running, load, figures })
    }

    async fn run(&mut self, world: &World, scenario: Scenario, operations: u64) -> Result<Cost> {
        self.load.run(world, &self.running, scenario, operations).await
    }

    fn end(mut self) -> Result<ProcessFigures> {
        self.figures.peak_mib = memory_mib(self.running.pid(), "VmHWM")?;
        Ok(self.figures)
    }
}

pub(crate) async fn run(options: &Options, plan: &Plan) -> Result<()> {
    eprintln!("starting MariaDB and Redis, and storing {} users", plan.users);
    let world = World::start(&options.server, plan.users).await?;
    let mut server = Side::start(&world, Kind::Server, plan).await?;
    let mut floor = Side::start(&world, Kind::Floor, plan).await?;

    let mut figures = Vec::new();
    let mut operations = Vec::new();
    for scenario in options.scenarios() {
        eprintln!("warming up {}", scenario.name());
        floor.run(&world, scenario, WARM_UP).await?;
        let cost = server.run(&world, scenario, WARM_UP).await?;
        operations.push(whole(cost.per_second * plan.seconds).max(WARM_UP));
        figures.push(ScenarioFigures { name: scenario.name(), server: Vec::new(), floor: Vec::new() });
    }

    for round in 0..plan.rounds {
        for ((scenario, operations), figures) in options.scenarios().into_iter().zip(&operations).zip(&mut figures) {
            let (of_server, of_floor) = if round % 2 == 0 {
                let first = server.run(&world, scenario, *operations).await?;
                (first, floor.run(&world, scenario, *operations).await?)
            } else {
                let first = floor.run(&world, scenario, *operations).await?;
                (server.run(&world, scenario, *operations).await?, first)
            };
            eprintln!(
                "round {}/{} {:<15} CPU: server {:.3} ms, floor {:.3} ms, ratio {:.2}",
                round + 1,
                plan.rounds,
                scenario.name(),
                of_server.cpu_ms,
                of_floor.cpu_ms,
                of_server.cpu_ms / of_floor.cpu_ms
            );
            figures.server.push(of_server);
            figures.floor.push(of_floor);
        }
    }

    let figures = Figures {
        machine: machine::description(),
        rounds: plan.rounds,
        connections: plan.connections,
        users: plan.users,
        scenarios: figures,
        server: server.end()?,
        floor: floor.end()?,
    };
    println!("{}", text(&figures));
    report::write_json(options.json.as_deref(), &figures)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is small and not negative")]
fn whole(number: f64) -> u64 {
    number as u64
}

impl ScenarioFigures {
    /// Returns the ratios of the server's figures to the floor's, paired by round.
    fn ratios(&self, figure: impl Fn(&Cost) -> f64) -> Vec<f64> {
        self.server.iter().zip(&self.floor).map(|(server, floor)| figure(server) / figure(floor)).collect()
    }
}

fn text(figures: &Figures) -> String {
    let Figures { machine, rounds, connections, users, server, floor, scenarios } = figures;
    let mut ratio_rows: Vec<_> = scenarios.iter().map(ratio_row).collect();
    let memory = |name: &str, server: f64, floor: f64| {
        vec![
            name.to_owned(),
            format!("{server:.1}"),
            format!("{floor:.1}"),
            format!("{:.2}", server / floor),
            String::new(),
        ]
    };
    ratio_rows.push(memory("idle memory, MiB", server.idle_mib, floor.idle_mib));
    ratio_rows.push(memory("peak memory, MiB", server.peak_mib, floor.peak_mib));
    ratio_rows.push(memory("cold start, ms", server.cold_start_ms, floor.cold_start_ms));

    let rate_rows: Vec<_> = scenarios
        .iter()
        .flat_map(|scenario| {
            [("server", &scenario.server), ("floor", &scenario.floor)]
                .map(|(name, costs)| rate_row(scenario.name, name, costs))
        })
        .collect();
    format!(
        "\n{machine}; {rounds} rounds, {connections} connections, {users} users\n\n{}\n{}",
        report::table(&["CPU an operation", "server, ms", "floor, ms", "ratio", "range"], &ratio_rows),
        report::table(
            &[
                "scenario",
                "program",
                "a second",
                "p50, ms",
                "p90, ms",
                "p99, ms",
                "CPU, ms",
                "MariaDB, ms",
                "Redis, ms"
            ],
            &rate_rows
        ),
    )
}

fn ratio_row(scenario: &ScenarioFigures) -> Vec<String> {
    let cpu = |costs: &[Cost]| median(costs.iter().map(|cost| cost.cpu_ms));
    let ratios = scenario.ratios(|cost| cost.cpu_ms);
    let (low, high) = range(ratios.iter().copied());
    vec![
        scenario.name.to_owned(),
        format!("{:.3}", cpu(&scenario.server)),
        format!("{:.3}", cpu(&scenario.floor)),
        format!("{:.2}", median(ratios)),
        format!("{low:.2} to {high:.2}"),
    ]
}

fn rate_row(scenario: &str, program: &str, costs: &[Cost]) -> Vec<String> {
    let of = |figure: fn(&Cost) -> f64| median(costs.iter().map(figure));
    vec![
        scenario.to_owned(),
        program.to_owned(),
        format!("{:.0}", of(|cost| cost.per_second)),
        format!("{:.1}", of(|cost| cost.p50_ms)),
        format!("{:.1}", of(|cost| cost.p90_ms)),
        format!("{:.1}", of(|cost| cost.p99_ms)),
        format!("{:.3}", of(|cost| cost.cpu_ms)),
        format!("{:.3}", of(|cost| cost.mariadb_ms)),
        format!("{:.3}", of(|cost| cost.redis_ms)),
    ]
}
