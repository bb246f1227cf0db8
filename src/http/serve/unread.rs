//! Answers that clients have not read completely, over all connections.
//!
//! Owns the limit on the memory that they use together. An answer must not be counted longer than its request is in
//! flight.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The most memory for answers that wait for their clients. Most answers wait for a few milliseconds.
const MAX_UNREAD_BYTES: u64 = 64 * 1024 * 1024;

/// The unread answers of one listener. If they use too much memory, the oldest are given up first.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    bytes: u64,
    answers: BTreeMap<u64, Answer>,
    next: u64,
}

#[derive(Debug)]
struct Answer {
    bytes: u64,
    give_up: CancellationToken,
}

impl Unread {
    /// Counts an answer until `remove` is called with the returned id. Cancels `give_up` if the answer has to be given
    /// up.
    pub(super) fn add(&self, bytes: u64, give_up: CancellationToken) -> u64 {
        let mut waiting = self.waiting();
        waiting.next += 1;
        let id = waiting.next;
        waiting.bytes += bytes;
        waiting.answers.insert(id, Answer { bytes, give_up });

        while waiting.bytes > MAX_UNREAD_BYTES
            && let Some((_, oldest)) = waiting.answers.pop_first()
        {
            waiting.bytes -= oldest.bytes;
            oldest.give_up.cancel();
        }
        id
    }

    pub(super) fn remove(&self, id: u64) {
        let mut waiting = self.waiting();
        if let Some(answer) = waiting.answers.remove(&id) {
            waiting.bytes -= answer.bytes;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unread_answers_are_given_up_first() {
        let unread = Unread::default();
        let add = |bytes| {
            let token = CancellationToken::new();
            (unread.add(bytes, token.clone()), token)
        };
        let (read, one, two) = (add(MAX_UNREAD_BYTES / 2), add(MAX_UNREAD_BYTES / 2), add(0));
        unread.remove(read.0);
        let three = add(MAX_UNREAD_BYTES / 2);
        assert!([&read, &one, &two, &three].iter().all(|answer| !answer.1.is_cancelled()));
        let four = add(1);
        let given_up = [&read, &one, &two, &three, &four].map(|answer| answer.1.is_cancelled());
        assert_eq!(given_up, [false, true, false, false, false]);
        unread.remove(one.0);
        for id in [two.0, three.0, four.0] {
            unread.remove(id);
        }
        let waiting = unread.waiting();
        assert_eq!((waiting.bytes, waiting.answers.len()), (0, 0));
    }
}
