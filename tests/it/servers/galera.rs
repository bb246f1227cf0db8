//! A Galera cluster of three MariaDB nodes, all of which accept writes.

use super::own::OwnMariaDb;
use super::watchdog::free_port;

/// Where Debian's package galera-4 has the library.
const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// Starts three nodes, which have the same data.
///
/// # Panics
/// If they cannot be started.
pub(crate) fn start() -> [OwnMariaDb; 3] {
    assert!(std::path::Path::new(PROVIDER).exists(), "Galera is missing: apt-get install galera-4 rsync lsof");
    let groups = [(); 3].map(|()| free_port());
    let node = |number: usize| {
        let group = groups[number];
        let (incremental, whole) = (free_port(), free_port());
        let addresses = groups.map(|port| format!("127.0.0.1:{port}")).join(",");
        let mut options = vec![
            "--wsrep-on=ON".to_owned(),
            format!("--wsrep-provider={PROVIDER}"),
            format!("--wsrep-cluster-address=gcomm://{addresses}"),
            format!("--wsrep-node-address=127.0.0.1:{group}"),
            format!(
                "--wsrep-provider-options=base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};\
                 ist.recv_addr=127.0.0.1:{incremental};gcache.size=16M;pc.recovery=FALSE"
            ),
            "--wsrep-sst-method=rsync".to_owned(),
            format!("--wsrep-sst-receive-address=127.0.0.1:{whole}"),
            // A client may sign in through one node, and send its next request through another.
            "--wsrep-sync-wait=1".to_owned(),
            "--binlog-format=ROW".to_owned(),
            "--innodb-autoinc-lock-mode=2".to_owned(),
        ];
        if number == 0 {
            options.push("--wsrep-new-cluster".to_owned());
        }
        OwnMariaDb::start_with(&options)
    };
    [0, 1, 2].map(node)
}
