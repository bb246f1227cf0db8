//! The avatars of users who have not chosen one, and the default ones: small pictures, and their URLs on the server that serves
//! them.

use crate::random;

/// The path of the pictures on the server.
pub const AVATARS_PATH: &str = "/avatars";

/// The pictures, as SVG. The first is `1.svg`.
const PICTURES: [&str; 4] = [
    include_str!("avatars/1.svg"),
    include_str!("avatars/2.svg"),
    include_str!("avatars/3.svg"),
    include_str!("avatars/4.svg"),
];

/// The URLs of avatars, of which each user without an own one gets one.
#[derive(Debug, Clone)]
pub struct Avatars(pub Vec<String>);

impl Avatars {
    /// Returns one of them at random.
    #[must_use]
    pub fn pick(&self) -> String {
        random::choose(&self.0).cloned().unwrap_or_default()
    }
}

/// Returns the URLs of all default avatars on the server with this URL.
#[must_use]
pub fn default_avatars(public_url: &str) -> Vec<String> {
    (1..=PICTURES.len()).map(|number| format!("{public_url}{AVATARS_PATH}/{number}.svg")).collect()
}

/// Returns the picture with this file name, such as `1.svg`.
#[must_use]
pub fn picture(name: &str) -> Option<&'static str> {
    let number = (1..).map(|number| format!("{number}.svg"));
    PICTURES.iter().zip(number).find_map(|(picture, file)| (file == name).then_some(*picture))
}
