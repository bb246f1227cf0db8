//! The two programs that are driven, and how each of them is asked for the same things.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Call;

const REQUEST_CODE: &str = "mutation RequestCode($input: RequestCodeInput!) { requestCode(input: $input) { __typename \
    ... on RequestCodePayload { challengeId expiresAt resendAt } ... on Problem { code message retryAfterSeconds } } }";
const LOGIN: &str = "mutation Login($input: LoginInput!) { login(input: $input) { __typename \
    ... on LoginPayload { accessToken accessTokenExpiresAt refreshToken isNewUser user { id phone name avatar } } \
    ... on Problem { code message retryAfterSeconds } } }";
const ME: &str = "query Me { me { id phone name avatar createdAt lastLoginAt } }";
const REFRESH: &str = "mutation Refresh($input: RefreshSessionInput!) { refreshSession(input: $input) { __typename \
    ... on RefreshSessionPayload { accessToken accessTokenExpiresAt refreshToken user { id phone name avatar } } \
    ... on Problem { code message retryAfterSeconds } } }";

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Server,
    Floor,
}

/// Somebody who signs in: a phone, and the address of its network.
#[derive(Clone, Copy)]
pub(crate) struct Person(pub(crate) u64);

impl Person {
    /// The numbers of users who are in the database begin here.
    const FIRST_PHONE: u64 = 8_613_000_000_000;

    pub(crate) fn phone(self) -> String {
        format!("+{}", Self::FIRST_PHONE + self.0)
    }

    pub(crate) fn address(self) -> String {
        let [_, a, b, c] = u32::try_from(self.0 % (1 << 24)).unwrap_or_default().to_be_bytes();
        format!("10.{a}.{b}.{c}")
    }

    /// Returns the id of a user who was seeded.
    pub(crate) fn seeded_id(self) -> Uuid {
        Uuid::from_u128(u128::from(self.0))
    }
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Floor => "floor",
        }
    }

    pub(crate) fn request_code(self, person: Person) -> Call {
        let phone = person.phone();
        match self {
            Self::Server => graphql(REQUEST_CODE, &json!({ "input": { "phone": phone } }), person, None),
            Self::Floor => plain("/request-code", &json!({ "phone": phone }), person, None),
        }
    }

    pub(crate) fn login(self, person: Person, challenge: &str, code: &str) -> Call {
        let input = json!({ "phone": person.phone(), "challengeId": challenge, "code": code });
        match self {
            Self::Server => graphql(LOGIN, &json!({ "input": input }), person, None),
            Self::Floor => plain("/login", &input, person, None),
        }
    }

    pub(crate) fn me(self, person: Person, token: &str) -> Call {
        match self {
            Self::Server => graphql(ME, &json!({}), person, Some(token)),
            Self::Floor => Call { path: "/me", body: None, token: Some(token.to_owned()), client: person.address() },
        }
    }

    pub(crate) fn users(self, person: Person, token: &str, ids: &[Uuid]) -> Call {
        match self {
            Self::Server => {
                let numbers = 0..ids.len();
                let declared: Vec<String> = numbers.clone().map(|n| format!("$i{n}: ID!")).collect();
                let fields: Vec<String> =
                    numbers.map(|n| format!("u{n}: user(id: $i{n}) {{ id name avatar }}")).collect();
                let query = format!("query Users({}) {{ {} }}", declared.join(" "), fields.join(" "));
                let variables: Value = ids.iter().enumerate().map(|(n, id)| (format!("i{n}"), json!(id))).collect();
                graphql(&query, &variables, person, Some(token))
            }
            Self::Floor => plain("/users", &json!(ids), person, Some(token)),
        }
    }

    pub(crate) fn refresh(self, person: Person, token: &str) -> Call {
        let input = json!({ "refreshToken": token });
        match self {
            Self::Server => graphql(REFRESH, &json!({ "input": input }), person, None),
            Self::Floor => plain("/refresh", &input, person, None),
        }
    }

    /// Returns a text of an answer to `field`.
    pub(crate) fn text(self, answer: &Value, field: &str, name: &str) -> Result<String> {
        let found = match self {
            Self::Server => &answer["data"][field][name],
            Self::Floor => &answer[name],
        };
        found.as_str().map(str::to_owned).with_context(|| format!("no {name} in {answer}"))
    }

    /// Checks that an answer is not a failure.
    pub(crate) fn check(self, answer: &Value) -> Result<()> {
        anyhow::ensure!(self == Self::Floor || answer["errors"].is_null(), "{answer}");
        Ok(())
    }
}

fn graphql(query: &str, variables: &Value, person: Person, token: Option<&str>) -> Call {
    plain("/graphql", &json!({ "query": query, "variables": variables }), person, token)
}

fn plain(path: &'static str, body: &Value, person: Person, token: Option<&str>) -> Call {
    Call { path, body: Some(body.to_string()), token: token.map(str::to_owned), client: person.address() }
}
