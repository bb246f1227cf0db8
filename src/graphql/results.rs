//! The results of mutations: a payload, or a problem.

use async_graphql::Union;

use super::payloads::{
    ChangePhonePayload, DeleteAccountPayload, LoginPayload, LogoutPayload, ReauthenticatePayload,
    RefreshSessionPayload, RequestCodePayload, UpdateProfilePayload, VerifyCodePayload,
};
use super::problem::Problem;

/// The result of `requestCode`.
#[derive(Union)]
pub(super) enum RequestCodeResult {
    Payload(RequestCodePayload),
    Problem(Problem),
}

/// The result of `login`.
#[derive(Union)]
pub(super) enum LoginResult {
    Payload(LoginPayload),
    Problem(Problem),
}

/// The result of `refreshSession`.
#[derive(Union)]
pub(super) enum RefreshSessionResult {
    Payload(RefreshSessionPayload),
    Problem(Problem),
}

/// The result of `reauthenticate`.
#[derive(Union)]
pub(super) enum ReauthenticateResult {
    Payload(ReauthenticatePayload),
    Problem(Problem),
}

/// The result of `logout`.
#[derive(Union)]
pub(super) enum LogoutResult {
    Payload(LogoutPayload),
    Problem(Problem),
}

/// The result of `updateProfile`.
#[derive(Union)]
pub(super) enum UpdateProfileResult {
    Payload(UpdateProfilePayload),
    Problem(Problem),
}

/// The result of `changePhone`.
#[derive(Union)]
pub(super) enum ChangePhoneResult {
    Payload(ChangePhonePayload),
    Problem(Problem),
}

/// The result of `deleteAccount`.
#[derive(Union)]
pub(super) enum DeleteAccountResult {
    Payload(DeleteAccountPayload),
    Problem(Problem),
}

/// The result of `verifyCode`.
#[derive(Union)]
pub(super) enum VerifyCodeResult {
    Payload(VerifyCodePayload),
    Problem(Problem),
}
