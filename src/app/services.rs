//! The services of the settings, on their stores and providers.

use std::sync::Arc;

use super::{StartError, providers, stores};
use crate::account_store::AccountStore;
use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::deliveries::Deliveries;
use crate::graphql::Services;
use crate::limits::Limits;
use crate::proofs::Proofs;
use crate::redis::RedisPool;
use crate::sessions::{IdempotencyKeys, Sessions};
use crate::sms::inbox::Inbox;
use crate::tokens::Tokens;
use crate::tokens::device::DeviceTokens;
use crate::tokens::keys::Keys;
use crate::users::SignUpPolicy;
use crate::verification::{Admission, Checking, CodeKeys, Issuing, SignUp};

/// What the services are built on.
pub(super) struct Parts<'a> {
    pub(super) database: &'a Database,
    /// The read replica, if there is one.
    pub(super) replica: Option<Database>,
    pub(super) redis: Option<&'a RedisPool>,
    pub(super) inbox: Option<&'a Arc<Inbox>>,
    pub(super) secret: &'a [u8],
}

/// Builds the services.
pub(super) fn build(
    config: &Config,
    signing_keys: Keys,
    parts: &Parts<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Services, StartError> {
    let devices = DeviceTokens::new(parts.secret, config.tokens.device_ttl);
    let tokens = Arc::new(Tokens::new(signing_keys, devices, config.tokens.clone(), Arc::clone(clock)));
    let users = stores::accounts_in(parts.database, config).reading_from(parts.replica.clone());
    let users = Arc::new(users);
    let (codes, limit_store) = stores::code_and_limit_stores(parts.redis);
    let limits = Arc::new(Limits::new(limit_store, config.limits.clone()));
    let code_keys = Arc::new(CodeKeys::new(parts.secret));
    let deliveries = deliveries(config, parts, clock)?;

    let issuing = Issuing::new(
        Arc::clone(&codes),
        admission(config, &limits, &users, clock)?,
        Arc::clone(&deliveries),
        Arc::clone(&code_keys),
        config.issuing.clone(),
        Arc::clone(clock),
    );
    let checking = Checking::new(codes, limits, code_keys, config.checking, Arc::clone(clock));
    let checking = Arc::new(checking.reporting_to(Arc::clone(&deliveries)));
    let accounts = Accounts::new(
        Arc::clone(&users),
        Arc::clone(&checking),
        Arc::clone(&tokens),
        Arc::clone(&deliveries),
        config.accounts.clone(),
        Arc::clone(clock),
    );
    let proofs = Proofs::new(Arc::clone(&checking), Arc::clone(&tokens));
    let sessions = Arc::new(Sessions::new(
        Arc::clone(&users),
        checking,
        Arc::clone(&tokens),
        IdempotencyKeys::new(parts.secret),
        config.sessions.clone(),
        Arc::clone(clock),
    ));

    let (phones, clock) = (config.phone_regions.clone(), Arc::clone(clock));
    Ok(Services { phones, issuing, deliveries, tokens, sessions, accounts, proofs, users, clock })
}

fn admission(
    config: &Config,
    limits: &Arc<Limits>,
    users: &Arc<AccountStore>,
    clock: &Arc<dyn Clock>,
) -> Result<Admission, StartError> {
    let captcha = providers::captcha(&config.captcha, clock)?;
    let sign_up = match config.sessions.sign_up {
        SignUpPolicy::Open => SignUp::Open,
        SignUpPolicy::Closed => SignUp::Closed(Arc::clone(users)),
    };
    let (regions, trusted) = (config.phone_regions.clone(), config.trusted_prefixes.clone());
    Ok(Admission::new(regions, trusted, Arc::clone(limits), captcha).with_sign_up(sign_up))
}

fn deliveries(config: &Config, parts: &Parts<'_>, clock: &Arc<dyn Clock>) -> Result<Arc<Deliveries>, StartError> {
    let routes = providers::sms_routes(&config.sms, parts.inbox, clock)?;
    let store = stores::delivery_store(parts.redis, parts.database);
    let day_offset = config.issuing.day_offset;
    Ok(Arc::new(Deliveries::new(routes, store, parts.secret, day_offset, Arc::clone(clock))))
}
