//! The time of each subject. `make bench-micro` prints a table.

use divan::Bencher;
use sms_login_micro::{NAMES, subject};

fn main() {
    divan::main();
}

#[divan::bench(args = NAMES)]
fn function(bencher: Bencher<'_, '_>, name: &'static str) {
    let subject = subject(name).expect("a subject");
    bencher.bench_local(|| (subject.run)());
}
