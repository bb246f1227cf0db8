//! A steady load, during which a profiler can look at the program.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::Options;
use crate::load::{Load, as_f64};
use crate::scenario::Course;
use crate::target::Kind;
use crate::world::World;

const USERS: u64 = 10_000;
const SESSIONS: usize = 64;
/// Operations between two looks at the clock, and before the first.
const BATCH: u64 = 100;

/// Which program is put under load, and how.
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) connections: usize,
    pub(crate) seconds: u64,
    /// The program, with its arguments, that runs the program under load.
    pub(crate) under: Vec<String>,
}

/// Runs scenarios in turn, and prints the id of the process before each of them.
pub(crate) async fn run(options: &Options, plan: &Plan) -> Result<()> {
    let world = World::start(&options.server, USERS).await?;
    let (running, _) = world.launch(plan.kind, &plan.under).await?;
    let sessions = SESSIONS.max(plan.connections);
    let course = Course::prepare(plan.kind, world.inbox.clone(), USERS, sessions, &running.address).await?;
    let mut load = Load::connect(course, &running.address, plan.connections).await?;

    for scenario in options.scenarios() {
        load.run(&world, &running, scenario, BATCH).await?;
        println!("{} {}", running.pid(), scenario.name());
        let (begun, mut operations, mut cpu) = (Instant::now(), 0, 0.0);
        while begun.elapsed() < Duration::from_secs(plan.seconds) {
            let cost = load.run(&world, &running, scenario, BATCH).await?;
            operations += cost.operations;
            cpu += cost.cpu_ms * as_f64(cost.operations);
        }
        println!("{operations} operations, {:.3} ms CPU each", cpu / as_f64(operations));
    }
    running.stop()
}
