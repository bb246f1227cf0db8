//! One-time codes in Redis. A request for a code takes two round trips, a sign-in takes two.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use redis::Cmd;
use redis::aio::MultiplexedConnection;

/// Counts the send for its phone and stores the challenge.
const ISSUE: &str = "
local c = redis.call('HMGET', KEYS[1], 'day', 'sends', 'last')
local sends = c[1] == ARGV[2] and tonumber(c[2]) or 0
if sends >= 1000000 or (c[3] and tonumber(c[3]) > tonumber(ARGV[1])) then return 0 end
redis.call('HSET', KEYS[1], 'day', ARGV[2], 'sends', sends + 1, 'last', ARGV[1])
redis.call('PEXPIRE', KEYS[1], 86400000)
redis.call('HSET', KEYS[2], 'digest', ARGV[3], 'attempts', 0)
redis.call('PEXPIRE', KEYS[2], 300000)
return 1";

/// Counts the send for its address.
const COUNT: &str = "
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - 86400000)
if redis.call('ZCARD', KEYS[1]) >= 1000000 then return 0 end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], 86400000)
return 1";

/// Compares the code, and claims the challenge or counts a wrong code.
const CLAIM: &str = "
local c = redis.call('HMGET', KEYS[1], 'digest', 'attempts', 'claimed')
if not c[1] or c[3] or tonumber(c[2]) >= 3 then return 0 end
if c[1] ~= ARGV[1] then
  redis.call('HINCRBY', KEYS[1], 'attempts', 1)
  return 0
end
redis.call('HSET', KEYS[1], 'claimed', 1)
return 1";

pub(super) struct Codes {
    redis: MultiplexedConnection,
    random: SystemRandom,
    key: hmac::Key,
    issue: String,
    count: String,
    claim: String,
}

impl Codes {
    pub(super) async fn connect(url: &str) -> Result<Self> {
        let mut redis = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
        let mut hashes = Vec::new();
        for text in [ISSUE, COUNT, CLAIM] {
            hashes.push(redis::cmd("SCRIPT").arg("LOAD").arg(text).query_async::<String>(&mut redis).await?);
        }
        let [issue, count, claim] = <[String; 3]>::try_from(hashes).map_err(|_| anyhow::anyhow!("three scripts"))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret of the floor");
        Ok(Self { redis, random: SystemRandom::new(), key, issue, count, claim })
    }

    /// Stores a challenge, and returns its id and its code.
    pub(super) async fn issue(&self, phone: &str, address: &str) -> Result<(String, String)> {
        let mut bytes = [0; 24];
        self.random.fill(&mut bytes).context("random bytes")?;
        let (nonce, number) = bytes.split_at(16);
        let challenge = URL_SAFE_NO_PAD.encode(nonce);
        let number = u64::from_be_bytes(number.try_into()?);
        let code = format!("{:06}", number % 1_000_000);

        let now = Timestamp::now().as_millisecond();
        let mut issue = evalsha(&self.issue, &[&format!("phone:{{{phone}}}"), &key_of(phone, &challenge)]);
        issue.arg(now).arg(now / 86_400_000).arg(self.digest(phone, &challenge, &code).as_ref());
        let mut count = evalsha(&self.count, &[&format!("sends:{address}")]);
        count.arg(now).arg(&challenge);
        for command in [issue, count] {
            let allowed: bool = command.query_async(&mut self.redis.clone()).await?;
            ensure!(allowed, "a limit rejects the request");
        }
        Ok((challenge, code))
    }

    pub(super) async fn claim(&self, phone: &str, challenge: &str, code: &str) -> Result<()> {
        let mut claim = evalsha(&self.claim, &[&key_of(phone, challenge)]);
        claim.arg(self.digest(phone, challenge, code).as_ref());
        let claimed: bool = claim.query_async(&mut self.redis.clone()).await?;
        ensure!(claimed, "the code is rejected");
        Ok(())
    }

    /// Ends the challenge, and refunds the send to its address, in one round trip.
    pub(super) async fn consume(&self, phone: &str, challenge: &str, address: &str) -> Result<()> {
        let mut pipeline = redis::pipe();
        pipeline.del(key_of(phone, challenge)).zrem(format!("sends:{address}"), challenge);
        pipeline.query_async::<(i64, i64)>(&mut self.redis.clone()).await?;
        Ok(())
    }

    fn digest(&self, phone: &str, challenge: &str, code: &str) -> hmac::Tag {
        hmac::sign(&self.key, [phone, challenge, code].concat().as_bytes())
    }
}

fn key_of(phone: &str, challenge: &str) -> String {
    format!("challenge:{{{phone}}}:{challenge}")
}

fn evalsha(hash: &str, keys: &[&str]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(hash).arg(keys.len()).arg(keys);
    command
}
