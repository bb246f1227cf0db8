//! How to open the page on a phone in the same network: the address of this machine, and a QR code of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// An address that nobody has (RFC 5737 3). Only the route to it matters: nothing is sent.
const OUTSIDE: (&str, u16) = ("192.0.2.1", 9);

/// Returns the text that invites a phone to the page, with the token of the inbox, and logs the risk. Without a network, the
/// text has the address that only this machine can open.
pub(super) fn invitation(listening: SocketAddr, token: &str) -> String {
    tracing::warn!(
        "LAN=true: everybody in this network can use the server, and everybody with the printed address can read codes"
    );
    let address = own_address().unwrap_or_else(|| {
        tracing::warn!("this machine has no address in a network");
        Ipv4Addr::LOCALHOST.into()
    });
    let server = format!("http://{}", SocketAddr::new(address, listening.port()));
    let page = format!("{server}/?inbox={token}");
    let code = qr_code(&page);
    format!("\n{code}\n\nOn a phone in the same network, open {page}\nApps there use {server}/graphql\n\n")
}

/// Returns the address of this machine in the network of its default route.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(OUTSIDE).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_unspecified())
}

/// Draws a QR code. Most terminals have a dark background, so the light modules are drawn and the dark ones left out.
fn qr_code(text: &str) -> String {
    let draw = |code: QrCode| code.render().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    // Only a text of several kilobytes would not fit.
    QrCode::new(text).map(draw).unwrap_or_default()
}
