//! What is measured: one operation of each scenario, on either target.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::client::Client;
use crate::stub::Inbox;
use crate::target::{Kind, Person};

/// How many ids one `users` request has.
const USERS_IN_A_REQUEST: u64 = 10;
/// Spreads consecutive numbers over all users.
const STRIDE: u64 = 7_919;
/// People who have not signed up yet.
const FIRST_NEW: u64 = 500_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Scenario {
    /// A phone without an account: requestCode, then login
    SignUp,
    /// A phone with an account: requestCode, then login
    SignIn,
    /// A code is requested and sent
    RequestCode,
    /// A right code of a phone with an account
    Login,
    /// The signed-in user
    Me,
    /// Ten users by id in one request
    Users,
    /// A refresh token is exchanged
    RefreshSession,
}

impl Scenario {
    pub(crate) const ALL: [Self; 7] =
        [Self::SignUp, Self::SignIn, Self::RequestCode, Self::Login, Self::Me, Self::Users, Self::RefreshSession];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::SignIn => "sign_in",
            Self::RequestCode => "requestCode",
            Self::Login => "login",
            Self::Me => "me",
            Self::Users => "ten user(id)",
            Self::RefreshSession => "refreshSession",
        }
    }
}

/// A person who is signed in on a target.
struct Session {
    person: Person,
    access: String,
    refresh: Mutex<String>,
}

/// A code that was sent and not used yet.
struct Sent {
    person: Person,
    challenge: String,
    code: String,
}

/// What the connections of one target share.
pub(crate) struct Course {
    kind: Kind,
    inbox: Inbox,
    users: u64,
    sessions: Vec<Session>,
    sent: Mutex<Vec<Sent>>,
}

impl Course {
    /// Signs `sessions` people in, each of whom is in the database already.
    pub(crate) async fn prepare(
        kind: Kind,
        inbox: Inbox,
        users: u64,
        sessions: usize,
        address: &str,
    ) -> Result<Arc<Self>> {
        let mut course = Self { kind, inbox, users, sessions: Vec::new(), sent: Mutex::default() };
        let mut client = Client::connect(address).await?;
        for n in 0..sessions as u64 {
            let session = course.sign_in(&mut client, course.known(n)).await?;
            course.sessions.push(session);
        }
        Ok(Arc::new(course))
    }

    /// Runs the operation with number `n`, on the connection with number `connection`.
    pub(crate) async fn run(&self, scenario: Scenario, client: &mut Client, n: u64, connection: usize) -> Result<()> {
        match scenario {
            Scenario::SignUp => self.sign_in(client, Person(FIRST_NEW + n)).await.map(drop),
            Scenario::SignIn => self.sign_in(client, self.known(n)).await.map(drop),
            Scenario::RequestCode => self.request_code(client, self.known(n)).await.map(drop),
            Scenario::Login => {
                let sent = self.sent().pop();
                let sent = match sent {
                    Some(sent) => sent,
                    // Its request for a code was refused before.
                    None => self.request_code(client, self.known(n)).await?,
                };
                self.login(client, &sent).await.map(drop)
            }
            Scenario::Me => self.me(client, n).await,
            Scenario::Users => self.several(client, n).await,
            Scenario::RefreshSession => self.refresh(client, connection).await,
        }
    }

    /// Does what must precede the operation with number `n`, and is not measured.
    pub(crate) async fn precede(&self, scenario: Scenario, client: &mut Client, n: u64) -> Result<()> {
        if scenario == Scenario::Login {
            let sent = self.request_code(client, self.known(n)).await?;
            self.sent().push(sent);
        }
        Ok(())
    }

    fn sent(&self) -> std::sync::MutexGuard<'_, Vec<Sent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, n: u64) -> Person {
        Person(1 + n * STRIDE % self.users)
    }

    fn session(&self, n: u64) -> Result<&Session> {
        let place = usize::try_from(n)? % self.sessions.len();
        self.sessions.get(place).context("a session")
    }

    async fn request_code(&self, client: &mut Client, person: Person) -> Result<Sent> {
        let answer = client.call(self.kind.request_code(person)).await?;
        let challenge = self.kind.text(&answer, "requestCode", "challengeId")?;
        let code = self.inbox.take(&person.phone()).context("no SMS arrived")?;
        Ok(Sent { person, challenge, code })
    }

    async fn login(&self, client: &mut Client, sent: &Sent) -> Result<Session> {
        let answer = client.call(self.kind.login(sent.person, &sent.challenge, &sent.code)).await?;
        let text = |name| self.kind.text(&answer, "login", name);
        Ok(Session { person: sent.person, access: text("accessToken")?, refresh: Mutex::new(text("refreshToken")?) })
    }

    async fn sign_in(&self, client: &mut Client, person: Person) -> Result<Session> {
        let sent = self.request_code(client, person).await?;
        self.login(client, &sent).await
    }

    async fn me(&self, client: &mut Client, n: u64) -> Result<()> {
        let session = self.session(n)?;
        let answer = client.call(self.kind.me(session.person, &session.access)).await?;
        self.kind.text(&answer, "me", "phone").map(drop)
    }

    async fn several(&self, client: &mut Client, n: u64) -> Result<()> {
        let session = self.session(n)?;
        let ids: Vec<_> = (0..USERS_IN_A_REQUEST).map(|k| self.known(n * USERS_IN_A_REQUEST + k).seeded_id()).collect();
        let answer = client.call(self.kind.users(session.person, &session.access, &ids)).await?;
        self.kind.check(&answer)
    }

    /// Each connection refreshes its own session: a refresh token is used once.
    async fn refresh(&self, client: &mut Client, connection: usize) -> Result<()> {
        let session = self.session(connection as u64)?;
        let current = || session.refresh.lock().unwrap_or_else(PoisonError::into_inner);
        let token = current().clone();
        let answer = client.call(self.kind.refresh(session.person, &token)).await?;
        *current() = self.kind.text(&answer, "refreshSession", "refreshToken")?;
        Ok(())
    }
}
