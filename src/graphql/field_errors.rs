//! The error codes of each field, as its `@raises` directive lists them: one function for each field, named like it.
//!
//! A service that gets a new error needs its code here, too, in every field that calls the service.

use super::error::ErrorCode::{
    self, AccountDisabled, BadInput, CaptchaFailed, CaptchaRequired, ChallengeMismatch, CodeExpired, CodeIncorrect,
    InvalidPhone, NumberBlocked, PhoneTaken, RateLimited, ReauthenticationRequired, RegionNotAllowed, SignupFailed,
    SmsSendFailed, TokenExpired, TokenInvalid, Unauthenticated,
};

/// What can be wrong with a token that the client sent.
const TOKEN: &[ErrorCode] = &[TokenInvalid, TokenExpired];
/// What can be wrong with the sign-in of a field that needs one.
const SIGN_IN: &[ErrorCode] = &[TokenInvalid, TokenExpired, Unauthenticated];
/// What can be wrong with a one-time code.
const CODE: &[ErrorCode] = &[CodeExpired, CodeIncorrect, ChallengeMismatch];
/// Why the server does not send a code.
const SENDING: &[ErrorCode] = &[RateLimited, CaptchaRequired, CaptchaFailed, RegionNotAllowed, NumberBlocked];

pub(super) fn me() -> Vec<ErrorCode> {
    TOKEN.to_vec()
}

pub(super) fn user() -> Vec<ErrorCode> {
    [&[BadInput], SIGN_IN].concat()
}

pub(super) fn request_code() -> Vec<ErrorCode> {
    [&[BadInput, InvalidPhone, SmsSendFailed], SIGN_IN, &[ReauthenticationRequired], SENDING].concat()
}

pub(super) fn login() -> Vec<ErrorCode> {
    [&[BadInput, InvalidPhone], CODE, &[SignupFailed, AccountDisabled, RateLimited]].concat()
}

pub(super) fn refresh_session() -> Vec<ErrorCode> {
    [&[BadInput], TOKEN].concat()
}

pub(super) fn reauthenticate() -> Vec<ErrorCode> {
    [&[BadInput], SIGN_IN, CODE, &[RateLimited]].concat()
}

pub(super) fn logout() -> Vec<ErrorCode> {
    [&[BadInput], SIGN_IN].concat()
}

pub(super) fn update_profile() -> Vec<ErrorCode> {
    [&[BadInput], SIGN_IN].concat()
}

pub(super) fn change_phone() -> Vec<ErrorCode> {
    [&[BadInput, InvalidPhone], SIGN_IN, &[ReauthenticationRequired], CODE, &[PhoneTaken, RateLimited]].concat()
}

pub(super) fn delete_account() -> Vec<ErrorCode> {
    [&[BadInput], SIGN_IN, CODE, &[RateLimited]].concat()
}

pub(super) fn verify_code() -> Vec<ErrorCode> {
    [&[BadInput, InvalidPhone], CODE, &[RateLimited]].concat()
}
