//! Redis Sentinel: a server finds the master through the sentinels, also after they have chosen another one.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Stage;
use crate::app::{LOGIN, phone};
use crate::process::Server;
use crate::servers::redis_groups::OwnSentinels;

/// The sentinels need a second to notice that the master is down, and then elect a leader.
const FAILOVER: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_valid_after_the_sentinels_have_chosen_another_master() {
    let (mut stage, group) = (Stage::new().await, OwnSentinels::start());
    stage.env.insert("REDIS_URL".to_owned(), group.url());
    let server = Server::start(&stage.env);
    stage.sign_in(&server).await;
    let input = stage.login_input(&server, &phone()).await;

    // A sentinel that does not answer must not matter.
    group.pause_a_sentinel();
    group.stop_the_master();
    let begun = Instant::now();
    loop {
        let answer = server.run(None, LOGIN, json!({ "input": input })).await;
        if answer["errors"].is_null() {
            break;
        }
        assert!(begun.elapsed() < FAILOVER, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stage.recovers(&server).await;

    // The old master comes back as a replica.
    group.start_it_again();
    stage.sign_in(&server).await;
    stage.recovers(&Server::start(&stage.env)).await;
}
