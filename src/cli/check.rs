//! `check`: tests everything that the settings configure, and prints one line for each part.
//!
//! It sends no SMS and changes no data, except that it creates an embedded database and signing key as `serve` would, and writes
//! a key to Redis that expires after a second.

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::running;
use crate::app::{self, Risk, Warning};
use crate::channel::Channel;
use crate::clock::{Clock, SystemClock};
use crate::config::{CaptchaConfig, Config, ProviderConfig, Settings, SigningConfig};
use crate::metrics::{ROUTE_IS_SKIPPED, ROUTE_STATE};
use crate::outbound::{Client, Timeouts};
use crate::redis::{MAX_CLOCK_SKEW, NO_EVICTION};
use crate::text::in_full;

/// Providers reject requests whose time differs by more than five minutes.
const MAX_PROVIDER_SKEW: SignedDuration = SignedDuration::from_mins(5);

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let config = match Config::try_from(settings) {
        Ok(config) => config,
        Err(error) => {
            super::print(&format!("failed  settings: {error}\n"))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut lines =
        vec![Ok("settings: valid".to_owned()), database(&config).await, signing_key(&config), codes(&config).await];
    lines.extend(replica(&config).await);
    lines.extend(sms(&config).await);
    lines.extend(captcha(&config).await);
    lines.push(events(&config).await);

    let mut exit = ExitCode::SUCCESS;
    for line in lines {
        match line {
            Ok(found) => super::print(&format!("ok      {found}\n"))?,
            Err(found) => {
                exit = ExitCode::FAILURE;
                super::print(&format!("failed  {found}\n"))?
            }
        };
    }
    let mut warnings = app::warnings(&config, SystemClock.now());
    warnings.extend(store_risks(&config).await.into_iter().map(Warning::Risk));
    for warning in warnings {
        super::print(&format!("warn    {}: {warning}\n", warning.subject()))?;
    }
    Ok(exit)
}

/// A line of the output: what works, or what fails.
type Found = Result<String, String>;

async fn database(config: &Config) -> Found {
    let failed = |error: &dyn std::error::Error| format!("database: {}", in_full(error));
    let database = app::open_database(&config.database).await.map_err(|error| failed(&error))?;
    let version = database.version().await.map_err(|error| failed(&error))?;
    database.check_writable().await.map_err(|error| failed(&error))?;
    match database.is_migrated().await {
        Ok(true) => Ok(format!("database: {version}, up to date")),
        Ok(false) if config.auto_migrate => Ok(format!("database: {version}, `serve` will migrate it")),
        Ok(false) => {
            Err(format!("database: {version}, not migrated: run `sms-login migrate`, or set AUTO_MIGRATE=true"))
        }
        Err(error) => Err(failed(&error)),
    }
}

/// Returns `None` if there is no read replica.
async fn replica(config: &Config) -> Option<Found> {
    let opened = async {
        let Some(replica) = app::open_replica(config).await? else {
            return Ok(None);
        };
        let version = replica.version().await?;
        Ok(Some((version, replica.is_migrated().await?)))
    };
    let found: anyhow::Result<Option<(String, bool)>> = opened.await;
    match found {
        Ok(None) => None,
        Ok(Some((version, true))) => Some(Ok(format!("read replica: {version}, up to date"))),
        Ok(Some((version, false))) => Some(Err(format!("read replica: {version}, but its tables are missing or old"))),
        Err(error) => Some(Err(format!("read replica: {}", in_full(error.as_ref())))),
    }
}

fn signing_key(config: &Config) -> Found {
    let kind = match &config.signing {
        SigningConfig::Hs256(_) => "HS256, a shared secret".to_owned(),
        SigningConfig::Pem(_, algorithm) => algorithm.to_string(),
        SigningConfig::File(_, algorithm) => format!("{algorithm}, in DATA_DIR"),
    };
    match app::signing_keys(config) {
        Ok(keys) => {
            let older: Vec<String> = keys.older_kids().map(|kid| format!(", older kid {kid}")).collect();
            Ok(format!("signing key: {kind}, kid {}{}", keys.kid(), older.concat()))
        }
        Err(error) => Err(format!("signing key: {error}")),
    }
}

/// Returns the risks that only the stores themselves and the names of their hosts show.
async fn store_risks(config: &Config) -> Vec<Risk> {
    let mut risks = app::unencrypted_stores(config).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // A Redis that does not answer has its own line.
    if !config.redis_urls.is_empty()
        && let Ok(redis) = app::redis(config, &clock)
        && let Ok(Some(policy)) = redis.eviction_policy().await
        && policy != NO_EVICTION
    {
        risks.push(Risk::Eviction(policy));
    }
    risks
}

async fn codes(config: &Config) -> Found {
    if config.redis_urls.is_empty() {
        return Ok("codes: in memory".to_owned());
    }

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let redis = app::redis(config, &clock).map_err(|error| format!("codes: {error}"))?;
    if let Err(error) = redis.ping().await {
        return Err(format!("codes: Redis does not answer: {}", in_full(&error)));
    }
    if let Err(error) = redis.check_writable().await {
        return Err(format!("codes: Redis does not accept writes: {}", in_full(&error)));
    }
    match redis.check_clock().await {
        Ok(()) => {
            let failed = |error| format!("codes: {}", in_full(&error));
            let (version, ahead) = (redis.version().await.map_err(failed)?, redis.clock_ahead().await.map_err(failed)?);
            Ok(format!("codes: Redis {version}, and its clock agrees: {}", skew(ahead, "it")))
        }
        Err(error) => {
            let skew = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Err(format!("codes: {skew}, by more than {MAX_CLOCK_SKEW:#}: set the clocks, for example by NTP"))
        }
    }
}

/// Returns a line for each message route.
async fn sms(config: &Config) -> Vec<Found> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let routes = match app::sms_routes(&config.sms, None, &clock) {
        Ok(routes) => routes,
        Err(error) => return vec![Err(format!("sms: {error}"))],
    };

    let states = route_states(config).await;
    let mut lines = Vec::new();
    for (route, settings) in routes.iter().zip(&config.sms.routes) {
        let label = match settings.scope.channel {
            Channel::Sms if config.sms.is_short_form => "sms".to_owned(),
            Channel::Voice if config.sms.is_short_form => "calls".to_owned(),
            Channel::Sms | Channel::Voice => format!("sms: route {:?}", route.name()),
        };
        let is_skipped = states.get(route.name()).is_some_and(|state| *state == ROUTE_IS_SKIPPED);
        lines.push(match (route.sender().check().await, &settings.provider) {
            (Ok(()), _) if is_skipped => Err(format!("{label}: works, but the running server skips it after failures")),
            (Err(error), _) => Err(format!("{label}: {}", in_full(&error))),
            (Ok(()), ProviderConfig::Console) => Ok(format!("{label}: printed to the terminal")),
            (Ok(()), ProviderConfig::Webhook(_)) => Ok(format!("{label}: the webhook accepts the signature")),
            (Ok(()), ProviderConfig::Tencent(_) | ProviderConfig::TencentVoice(_)) => {
                Ok(format!("{label}: tencent accepts the key"))
            }
        });
        lines.extend(provider_clock(&settings.provider, &label).await);
    }
    lines
}

/// Returns the state of each route's circuit breaker in the running server, as its metric says. A server without metrics, or
/// one that does not run, has none.
async fn route_states(config: &Config) -> HashMap<String, String> {
    let Some(addr) = config.metrics_addr else {
        return HashMap::new();
    };
    let metrics = running::get(running::reachable(addr), "/metrics").await.unwrap_or_default();
    let states = metrics.lines().filter_map(|line| {
        let (route, state) = line.strip_prefix(ROUTE_STATE)?.strip_prefix("{route=\"")?.split_once("\"} ")?;
        Some((route.to_owned(), state.to_owned()))
    });
    states.collect()
}

/// Returns a line about the difference of the clocks: signatures of requests are valid for five minutes. `None` if the
/// provider does not say its time.
async fn provider_clock(provider: &ProviderConfig, label: &str) -> Option<Found> {
    let url = match provider {
        ProviderConfig::Console => return None,
        ProviderConfig::Webhook(webhook) => webhook.url.as_ref(),
        ProviderConfig::Tencent(tencent) => &tencent.endpoint,
        ProviderConfig::TencentVoice(voice) => &voice.endpoint,
    };
    let time = Client::new(Timeouts::default()).ok()?.server_time(url).await.ok()??;
    let ahead = SystemClock.now().duration_since(time);
    let line = format!("{label}: {}", skew(ahead, "the provider's"));
    Some(if ahead.abs() < MAX_PROVIDER_SKEW {
        Ok(line)
    } else {
        Err(format!("{line}: set the clocks, for example by NTP"))
    })
}

/// Returns the difference to another clock in words.
fn skew(ahead: SignedDuration, other: &str) -> String {
    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
    format!("this server's clock is {:.1} s {side} {other}", ahead.abs().as_secs_f64())
}

/// Connects to the webhook, but sends no event: a receiver cannot know that it is only a check.
async fn events(config: &Config) -> Found {
    let kept = match config.events.ttl {
        Duration::ZERO => "kept without limit".to_owned(),
        ttl => format!("kept for {} d", ttl.as_secs() / 86_400),
    };
    let Some(webhook) = &config.events.webhook else {
        return Ok(format!("events: {kept}, not delivered"));
    };

    let client = Client::new(Timeouts::default()).map_err(|error| format!("events: {}", in_full(&error)))?;
    match client.server_time(webhook.url.as_ref()).await {
        Ok(_) => Ok(format!("events: {kept}, and the webhook can be reached; only an event tests its secret")),
        Err(error) => Err(format!("events: the webhook cannot be reached: {}", in_full(&error))),
    }
}

/// Returns `None` if captchas are off.
async fn captcha(config: &Config) -> Option<Found> {
    match config.captcha {
        CaptchaConfig::Off => None,
        CaptchaConfig::Tencent { .. } => Some(captcha_verifier(&config.captcha).await),
    }
}

async fn captcha_verifier(config: &CaptchaConfig) -> Found {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let verifier = app::captcha_verifier(config, &clock).map_err(|error| format!("captcha: {error}"))?;
    verifier.check().await.map_err(|error| format!("captcha: {}", in_full(error.as_ref())))?;
    Ok("captcha: the service accepts the key".to_owned())
}
