//! `healthcheck`: asks the running server whether it is alive.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::running::{get, reachable};

pub(super) async fn run(listen_addr: SocketAddr) -> anyhow::Result<ExitCode> {
    let addr = reachable(listen_addr);
    let answer = get(addr, "/healthz").await.with_context(|| format!("no answer from {addr}"))?;
    if !answer.starts_with("HTTP/1.1 200 ") {
        bail!("{addr} is not healthy");
    }
    super::print("ok\n")
}
