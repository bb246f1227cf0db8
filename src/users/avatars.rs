//! The default avatars: small pictures, and their URLs on the server that serves them.

/// The path of the pictures on the server.
pub const AVATARS_PATH: &str = "/avatars";

/// The pictures, as SVG. The first is `1.svg`.
const PICTURES: [&str; 4] = [
    include_str!("avatars/1.svg"),
    include_str!("avatars/2.svg"),
    include_str!("avatars/3.svg"),
    include_str!("avatars/4.svg"),
];

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
