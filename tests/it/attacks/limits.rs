//! Attacks on rate limits: requests that use up the quota of other users, or circumvent a limit.

use super::futures_join;
use crate::app::{Stores, TestApp, phone};

mod addresses;
mod captcha;
mod clocks;
mod frozen_redis;
mod places;

/// A cooldown of `0` turns it off: simultaneous requests for one phone all get a code.
#[tokio::test]
async fn a_cooldown_of_zero_is_off() {
    for stores in Stores::BOTH {
        for zero in ["0", "0s"] {
            let app = TestApp::on(stores).set("SEND_COOLDOWN", zero).start().await;
            let phone = phone();
            let someone = app.anonymous();
            let burst = futures_join((0..5).map(|_| someone.try_ask(&phone))).await;
            assert!(burst.iter().all(|answer| answer.body["errors"].is_null()), "{burst:?}");
        }
    }
}
