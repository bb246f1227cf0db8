//! Faults with real processes: stores that stop and hang, providers that misbehave, servers that are killed or get more
//! requests than they can hold.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::app::{ASK, LOGIN, phone};
use crate::process::{self, Server, shared_env, stub};
use crate::processes::{ask, login};
use crate::servers::own::{OwnMariaDb, OwnRedis};
use crate::tencent_stub::TencentStub;

mod burst;
mod frozen_connections;
mod galera;
mod killed;
mod providers;
mod read_only;
mod replica;
mod sentinels;
mod stores;

/// A server is down for its clients for at most this long after its store is back.
const RECOVERY: Duration = Duration::from_secs(4);

/// Stores that only one test uses, and the settings of servers on them.
pub(crate) struct Stage {
    pub(crate) sms: TencentStub,
    pub(crate) mariadb: OwnMariaDb,
    pub(crate) redis: OwnRedis,
    pub(crate) database: String,
    pub(crate) env: BTreeMap<String, String>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let (sms, mariadb, redis) = (stub().await, OwnMariaDb::start(), OwnRedis::start());
        let database = mariadb.create_database();
        let mut env = shared_env(&database, &redis.url(), &sms);
        let limits = [
            "SEND_COOLDOWN",
            "SEND_DAILY_LIMIT",
            "SEND_IP_HOURLY_LIMIT",
            "SEND_IP_DAILY_LIMIT",
            "ATTEMPT_IP_HOURLY_LIMIT",
        ];
        for limit in limits {
            env.insert(limit.to_owned(), "0".to_owned());
        }
        assert!(process::run(&["migrate"], &env).status.success());
        Self { sms, mariadb, redis, database, env }
    }

    /// Requests a code, and returns the input of the login with it.
    pub(crate) async fn login_input(&self, server: &Server, phone: &str) -> Value {
        let challenge_id = ask(server, phone).await;
        let code = self.sms.last_code_for(phone).expect("a code");
        json!({ "phone": phone, "code": code, "challengeId": challenge_id })
    }

    /// Signs a new user in, and returns the result of `login`.
    pub(crate) async fn sign_in(&self, server: &Server) -> Value {
        let phone = phone();
        let challenge_id = ask(server, &phone).await;
        let answer = login(server, &phone, &self.sms.last_code_for(&phone).expect("a code"), &challenge_id).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["login"].clone()
    }

    /// Tries to sign new users in until one succeeds, and asserts that this takes at most `RECOVERY`.
    pub(crate) async fn recovers(&self, server: &Server) {
        let begun = Instant::now();
        loop {
            let phone = phone();
            let asked = server.run(None, ASK, json!({ "input": { "phone": phone } })).await;
            if let Some(challenge_id) = asked["data"]["requestCode"]["challengeId"].as_str() {
                let code = self.sms.last_code_for(&phone).expect("a code");
                let input = json!({ "phone": phone, "code": code, "challengeId": challenge_id });
                let answer = server.run(None, LOGIN, json!({ "input": input })).await;
                if answer["errors"].is_null() {
                    assert!(begun.elapsed() < RECOVERY, "{:?}", begun.elapsed());
                    return;
                }
            }
            assert!(begun.elapsed() < RECOVERY, "the server does not recover");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
