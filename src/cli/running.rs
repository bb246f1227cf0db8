//! A GET request to the running server.
//!
//! The commands speak HTTP themselves, because a container may have no curl, and depend on nothing that the server depends
//! on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(3);

/// The most bytes of an answer.
const MAX_BYTES: u64 = 1024 * 1024;

/// Requests `path`. Returns the answer with its status line and headers.
///
/// # Errors
/// If no complete answer arrives within 3 s.
pub(super) async fn get(addr: SocketAddr, path: &str) -> io::Result<String> {
    let exchange = async {
        let mut socket = TcpStream::connect(addr).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        socket.take(MAX_BYTES).read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(TIMEOUT, exchange).await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "nothing within 3 s"))?
}

/// Returns the address to connect to: loopback if the server listens on all addresses.
pub(super) fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, addr.port())
}
