//! The program `sms-login`: runs a command of the command line and exits with its code.
//!
//! An error is printed to standard error in one line.

use std::collections::BTreeMap;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let env = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let env: BTreeMap<_, _> = env.collect();

    match sms_login::cli::run(std::env::args_os().collect(), env).await {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one line that says why the program stops")]
            {
                eprintln!("sms-login: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
