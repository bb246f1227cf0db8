//! One-time codes: sending them, and checking what the user enters.
//!
//! | module | owns |
//! | --- | --- |
//! | [`issuing`] | a request for a code: admit → draft → reserve → deliver |
//! | `admission` | the gate before a send: regions, limits across phones, captcha |
//! | [`checking`] | a submitted code: claim → act → consume or release |
//! | `sign_up` | which phones get a code to sign in |
//! | [`store`] | the stored challenges, and the counts of sends and wrong codes |
//! | `keys` | challenge ids, and the keyed hashes that stores see |
//!
//! A code is claimed before the server acts on it, and consumed only after the act has succeeded. This module must not
//! know users' rows or tokens, and must not log a code, a challenge id or a whole phone number.

mod admission;
pub mod checking;
mod error;
pub mod issuing;
mod keys;
mod sign_up;
pub mod store;
pub mod test_numbers;

pub use self::admission::Admission;
pub use self::checking::{Checking, CheckingPolicy, SubmittedCode};
pub use self::error::{AttemptError, RequestCodeError};
pub use self::issuing::{CodeRequest, CodeSent, CodeUse, Issuing, IssuingPolicy, Requester};
pub use self::keys::CodeKeys;
pub use self::sign_up::SignUp;
