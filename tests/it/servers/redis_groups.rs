//! Several Redis servers that replace one another: a Redis Cluster, and a master with its replica and sentinels.

use std::ffi::OsString;
use std::fs;
use std::thread;
use std::time::Duration;

use super::own::{INSTALL_REDIS, OwnRedis, start_on_a_free_port};
use super::watchdog::{Watchdog, new_folder, program, run};

/// The number of masters of a cluster. Each has a replica.
const MASTERS: usize = 3;
/// How often the state of a group is read before the group counts as failed: 20 s in total.
const LOOKS: u32 = 400;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The name of the master at its sentinels.
const SERVICE: &str = "main";

/// Waits until `redis-cli info` (or another command) at the port contains all texts.
fn wait_for(redis: &OwnRedis, command: &[&str], texts: &[&str]) {
    let mut arguments: Vec<OsString> = vec!["-p".into(), redis.port().to_string().into()];
    arguments.extend(command.iter().map(OsString::from));
    let redis_cli = program("redis-cli", INSTALL_REDIS);
    let is_ready = (0..LOOKS).any(|_| {
        let answer = run(&redis_cli, &arguments);
        let ready = texts.iter().all(|text| answer.contains(text));
        if !ready {
            thread::sleep(LOOK_EVERY);
        }
        ready
    });
    assert!(is_ready, "Redis does not get to {texts:?}:\n{}", redis.log());
}

/// A Redis Cluster of three masters, each with a third of the slots and a replica.
pub(crate) struct OwnRedisCluster {
    /// First the masters, then their replicas.
    nodes: Vec<OwnRedis>,
}

impl OwnRedisCluster {
    /// Starts the nodes and waits until all of them serve all slots.
    ///
    /// # Panics
    /// If they cannot be started. The message names the command that installs them.
    pub(crate) fn start() -> Self {
        let options = || ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"].map(str::to_owned).to_vec();
        let nodes: Vec<OwnRedis> = (0..2 * MASTERS).map(|_| OwnRedis::start_with(|_| options())).collect();
        let mut create: Vec<OsString> = vec!["--cluster".into(), "create".into()];
        create.extend(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()).into()));
        create.extend(["--cluster-replicas", "1", "--cluster-yes"].map(OsString::from));
        run(program("redis-cli", INSTALL_REDIS), &create);

        for node in &nodes {
            wait_for(
                node,
                &["cluster", "info"],
                &["cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:6"],
            );
        }
        for replica in &nodes[MASTERS..] {
            wait_for(replica, &["info", "replication"], &["role:slave", "master_link_status:up"]);
        }
        Self { nodes }
    }

    /// Returns the URLs of all nodes.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(OwnRedis::url).collect()
    }

    /// Lets the master of a key hang for ever, and waits until its replica has taken over.
    pub(crate) fn lose_the_master_of(&self, key: &str) {
        let cli = |node: &OwnRedis, command: &[&str]| {
            let port = node.port().to_string();
            let arguments: Vec<OsString> = ["-p", &port].iter().chain(command).map(OsString::from).collect();
            run(program("redis-cli", INSTALL_REDIS), &arguments)
        };
        // Only the slot's own nodes answer, and the others name the right one.
        let (replicas, masters): (Vec<&OwnRedis>, Vec<&OwnRedis>) =
            self.nodes.iter().partition(|node| cli(node, &["role"]).starts_with("slave"));
        let lost = masters.into_iter().find(|master| !cli(master, &["get", key]).contains("MOVED")).expect("a master");
        lost.pause();

        let took_over = (0..LOOKS).any(|_| {
            thread::sleep(LOOK_EVERY);
            replicas.iter().any(|replica| cli(replica, &["role"]).starts_with("master"))
        });
        assert!(took_over, "no replica took over:\n{}", lost.log());
        for node in self.nodes.iter().filter(|node| node.port() != lost.port()) {
            wait_for(node, &["cluster", "info"], &["cluster_state:ok", "cluster_slots_ok:16384"]);
        }
    }
}

/// A master, its replica, and three sentinels that watch both. The servers have a password.
pub(crate) struct OwnSentinels {
    nodes: [OwnRedis; 2],
    sentinels: Vec<(Watchdog, u16)>,
}

impl OwnSentinels {
    const PASSWORD: &'static str = "a-password";

    /// Starts the servers and waits until each sentinel knows all the others.
    ///
    /// # Panics
    /// If they cannot be started. The message names the command that installs them.
    pub(crate) fn start() -> Self {
        let login = ["--requirepass", Self::PASSWORD, "--masterauth", Self::PASSWORD].map(str::to_owned);
        let master = OwnRedis::start_with(|_| login.to_vec());
        let of = ["--replicaof".to_owned(), "127.0.0.1".to_owned(), master.port().to_string()];
        let replica = OwnRedis::start_with(|_| [&login[..], &of[..]].concat());
        let replication = ["-a", Self::PASSWORD, "--no-auth-warning", "info", "replication"];
        wait_for(&replica, &replication, &["master_link_status:up"]);

        let sentinels: Vec<(Watchdog, u16)> =
            (0..3).map(|_| start_on_a_free_port(|port| sentinel(port, master.port(), Self::PASSWORD))).collect();
        let redis_cli = program("redis-cli", INSTALL_REDIS);
        for (watchdog, port) in &sentinels {
            let know = ["-p", &port.to_string(), "sentinel", "master", SERVICE].map(OsString::from);
            let knows_all = (0..LOOKS).any(|_| {
                thread::sleep(LOOK_EVERY);
                let known = run(&redis_cli, &know);
                known.contains("num-slaves\n1\n") && known.contains("num-other-sentinels\n2\n")
            });
            assert!(knows_all, "the sentinels do not find each other:\n{}", watchdog.log());
        }
        Self { nodes: [master, replica], sentinels }
    }

    /// Returns the value of `REDIS_URL`.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|(_, port)| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://:{}@{}/{SERVICE}?db=1", Self::PASSWORD, hosts.join(","))
    }

    /// Stops the first master.
    pub(crate) fn stop_the_master(&self) {
        self.nodes[0].stop();
    }

    /// Starts the first master again. The sentinels make it a replica.
    pub(crate) fn start_it_again(&self) {
        self.nodes[0].start_again();
    }

    /// Lets a sentinel hang.
    pub(crate) fn pause_a_sentinel(&self) {
        self.sentinels[0].0.pause();
    }
}

fn sentinel(port: u16, master: u16, password: &str) -> Watchdog {
    let folder = new_folder();
    let file = folder.join("sentinel.conf");
    // Sentinel writes its state into this file.
    let settings = format!(
        "port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor {SERVICE} 127.0.0.1 {master} 2\n\
         sentinel auth-pass {SERVICE} {password}\nsentinel down-after-milliseconds {SERVICE} 1000\n\
         sentinel failover-timeout {SERVICE} 5000\n",
        folder = folder.display(),
    );
    fs::write(&file, settings).expect("a file");
    let command = [program("redis-server", INSTALL_REDIS), file.into_os_string(), "--sentinel".into()];
    Watchdog::new(folder, &command, "+monitor master")
}
