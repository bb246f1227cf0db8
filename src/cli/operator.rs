//! The operator's name on the operating system, for the events of their commands.

use std::fs;

use crate::events::Actor;

const PASSWD: &str = "/etc/passwd";

/// Returns the user that runs this process. `sudo` tells root who called it.
pub(super) fn actor() -> Actor {
    let uid = rustix::process::getuid();
    let name = fs::read_to_string(PASSWD).ok().and_then(|users| name_of(&users, uid.as_raw()));
    let name = name.unwrap_or_else(|| format!("uid {}", uid.as_raw()));
    let caller = std::env::var("SUDO_USER").ok().filter(|caller| uid.is_root() && !caller.is_empty());
    Actor::Operator(caller.map_or(name, |caller| format!("{} (sudo)", caller.escape_default())))
}

/// Returns the name of a user in the text of `/etc/passwd`.
fn name_of(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_id() {
        let users = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        assert_eq!([0, 1000, 7].map(|uid| name_of(users, uid)), [Some("root".into()), Some("alice".into()), None]);
    }
}
