//! The task that learns of changes by all servers from a channel of Redis.
//!
//! What is announced while the server is not connected is lost, so after each connection all waiters read the store again.

use std::sync::Arc;
use std::time::Duration;

use crate::deliveries::changes::Changes;
use crate::deliveries::store::ChallengeTag;
use crate::redis::{RedisPool, Subscription};

/// The pause before the first new connection. It doubles up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Wakes the waiters of each challenge that is announced on the channel, without end.
pub(super) async fn listen(redis: RedisPool, channel: String, changes: Arc<Changes>) {
    let mut pause = FIRST_PAUSE;
    let mut was_connected = true;
    loop {
        match redis.subscribe(&channel).await {
            Ok(subscription) => {
                (pause, was_connected) = (FIRST_PAUSE, true);
                changes.wake_all();
                forward(subscription, &changes).await;
            }
            Err(error) => {
                if was_connected {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "changes of deliveries by other servers are not noticed at the moment");
                }
                was_connected = false;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Forwards announcements until the connection ends.
async fn forward(mut subscription: Subscription, changes: &Changes) {
    while let Some(challenge) = subscription.next().await {
        changes.wake(&ChallengeTag::new(challenge));
    }
}
