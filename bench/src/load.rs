//! Load: connections that each wait for an answer before they send the next request, and what it costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::client::Client;
use crate::machine::CpuTime;
use crate::scenario::{Course, Scenario};
use crate::world::{Running, World};

/// The error code of a server whose stores do not answer in time.
const UNAVAILABLE: &str = "\"UNAVAILABLE\"";

/// The connections to one target.
pub(crate) struct Load {
    course: Arc<Course>,
    clients: Vec<Client>,
    /// The number of the next operation. Each number is used once, so that each sign-up is a new phone.
    next: u64,
}

/// What one run of a scenario cost. CPU time is in milliseconds an operation.
#[derive(Clone, Serialize)]
pub(crate) struct Cost {
    /// Operations that were answered. The figures are theirs.
    pub(crate) operations: u64,
    /// Operations that ended in `UNAVAILABLE`: more load than the stores can serve in time.
    pub(crate) refused: u64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_ms: f64,
    pub(crate) mariadb_ms: f64,
    pub(crate) redis_ms: f64,
}

struct CpuTimes([CpuTime; 3]);

impl CpuTimes {
    fn read(world: &World, target: &Running) -> Result<Self> {
        Ok(Self([CpuTime::of(target.pid())?, CpuTime::of(world.mariadb.pid())?, CpuTime::of(world.redis.pid())?]))
    }
}

impl Load {
    pub(crate) async fn connect(course: Arc<Course>, address: &str, connections: usize) -> Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(Client::connect(address).await?);
        }
        Ok(Self { course, clients, next: 0 })
    }

    /// Runs a scenario `operations` times.
    pub(crate) async fn run(
        &mut self,
        world: &World,
        target: &Running,
        scenario: Scenario,
        operations: u64,
    ) -> Result<Cost> {
        let first = self.next;
        self.next += operations;
        if scenario == Scenario::Login {
            self.drive(scenario, first, operations, Part::Before).await?;
        }

        let before = CpuTimes::read(world, target)?;
        let begun = Instant::now();
        let (mut times, refused) = self.drive(scenario, first, operations, Part::Measured).await?;
        let wall = begun.elapsed();
        let after = CpuTimes::read(world, target)?;

        ensure!(!times.is_empty(), "the server refuses everything");
        let operations = operations - refused;
        times.sort_unstable();
        let percentile = |percent: usize| milliseconds(times[(times.len() - 1) * percent / 100]);
        let cpu = |place: usize| milliseconds(after.0[place].since(&before.0[place])) / as_f64(operations);
        Ok(Cost {
            operations,
            refused,
            per_second: as_f64(operations) / wall.as_secs_f64(),
            p50_ms: percentile(50),
            p90_ms: percentile(90),
            p99_ms: percentile(99),
            cpu_ms: cpu(0),
            mariadb_ms: cpu(1),
            redis_ms: cpu(2),
        })
    }

    /// Runs one part of a scenario on all connections. Returns how long each answered operation took, and how many were refused.
    async fn drive(
        &mut self,
        scenario: Scenario,
        first: u64,
        operations: u64,
        part: Part,
    ) -> Result<(Vec<Duration>, u64)> {
        let taken = Arc::new(AtomicU64::new(0));
        let mut workers = Vec::new();
        for (connection, mut client) in self.clients.drain(..).enumerate() {
            let (taken, course) = (Arc::clone(&taken), Arc::clone(&self.course));
            workers.push(tokio::spawn(async move {
                let (mut times, mut refused) = (Vec::new(), 0);
                loop {
                    let n = taken.fetch_add(1, Ordering::Relaxed);
                    if n >= operations {
                        return anyhow::Ok((client, times, refused));
                    }
                    let begun = Instant::now();
                    let done = match part {
                        Part::Before => course.precede(scenario, &mut client, first + n).await,
                        Part::Measured => course.run(scenario, &mut client, first + n, connection).await,
                    };
                    match done {
                        Ok(()) => times.push(begun.elapsed()),
                        Err(error) if error.to_string().contains(UNAVAILABLE) => refused += 1,
                        Err(error) => return Err(error),
                    }
                }
            }));
        }

        let (mut all, mut all_refused) = (Vec::new(), 0);
        for worker in workers {
            let (client, times, refused) = worker.await??;
            self.clients.push(client);
            all.extend(times);
            all_refused += refused;
        }
        Ok((all, all_refused))
    }
}

#[derive(Clone, Copy)]
enum Part {
    Before,
    Measured,
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "numbers of operations are small")]
pub(crate) fn as_f64(number: u64) -> f64 {
    number as f64
}
