//! `healthcheck`: asks the running server whether it is alive.
//!
//! It speaks HTTP itself, because a container may have no curl, and depends on nothing that the server depends on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn run(listen_addr: SocketAddr) -> anyhow::Result<ExitCode> {
    let addr = reachable(listen_addr);
    let status = timeout(TIMEOUT, status_line(addr)).await;
    let status = status.map_err(|_| anyhow::anyhow!("no answer from {addr} within 3 s"))?;
    let status = status.with_context(|| format!("no answer from {addr}"))?;

    if !status.starts_with("HTTP/1.1 200 ") {
        bail!("{addr} is not healthy");
    }
    super::print("ok\n")
}

/// Requests `/healthz` and returns the status line of the answer.
async fn status_line(addr: SocketAddr) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(addr).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.take(4096).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

/// Returns the address to connect to: loopback if the server listens on all addresses.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, addr.port())
}
