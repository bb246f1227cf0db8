//! The avatars that a server has of its own: small pictures inside their URLs, so that no other host is asked.

const OWN: [&str; 4] = [
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%202%202'%3E%3Cpath%20fill='%230a7'%20d='M0%200h2v2H0z'/%3E%3Ccircle%20fill='%23fff'%20cx='1'%20cy='1'%20r='.5'/%3E%3C/svg%3E",
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%202%202'%3E%3Cpath%20fill='%2336c'%20d='M0%200h2v2H0z'/%3E%3Cpath%20fill='%23fff'%20d='M1%20.5l.5%201h-1z'/%3E%3C/svg%3E",
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%202%202'%3E%3Cpath%20fill='%23c53'%20d='M0%200h2v2H0z'/%3E%3Cpath%20fill='%23fff'%20d='M.6%20.6h.8v.8H.6z'/%3E%3C/svg%3E",
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%202%202'%3E%3Cpath%20fill='%2385b'%20d='M0%200h2v2H0z'/%3E%3Cpath%20fill='%23fff'%20d='M1%20.5l.5.5-.5.5-.5-.5z'/%3E%3C/svg%3E",
];

/// The avatars that were set, or the server's own.
pub(super) fn or_own(set: Vec<String>) -> Vec<String> {
    if set.is_empty() { OWN.map(str::to_owned).to_vec() } else { set }
}
