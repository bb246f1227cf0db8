//! Attacks on limits: requests that use up the places of others, or get around a limit.

mod captcha;
mod clocks;
mod frozen_redis;
mod places;
