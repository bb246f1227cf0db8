//! Routing by conversion: of routes with equal rank, those whose codes are used more often get more messages.
//!
//! A route that is worse than the best one of its group, by more than chance explains, gets a small fixed share: enough to
//! find out that it works again. All others share the rest equally. This module only computes; the counts come from the
//! delivery store.

use jiff::{SignedDuration, Timestamp};

/// The share of messages that each worse route of a group gets.
const EXPLORATION: f64 = 0.05;

/// The number of sends from which on a route is compared with others.
const MIN_SENDS: u32 = 10;

/// The latest sends of a route are summed up, a minute at a time, until there are this many. More of them would be more
/// exact, but a route that works again would be found later.
const WINDOW_SENDS: u32 = 30;

/// Users need some time to receive and enter a code. Sends of the last minutes are not counted yet.
const MATURITY: SignedDuration = SignedDuration::from_mins(2);

/// How many standard errors lie between two rates that differ by more than chance.
const SIGNIFICANT: f64 = 2.0;

/// How many codes of a route were used, of those sent in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMinute {
    /// The name of the route.
    pub route: String,
    /// Minutes since 1970.
    pub minute: i64,
    /// Messages that the provider accepted.
    pub sent: u32,
    /// Codes of these messages that were used.
    pub used: u32,
}

/// How many codes of a route were used, of those sent recently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Conversion {
    sent: u32,
    used: u32,
}

impl Conversion {
    /// Sums up the latest minutes of a route, leaving out those whose codes may still be used.
    pub(super) fn recent(minutes: &[RouteMinute], route: &str, now: Timestamp) -> Self {
        let newest = (now - MATURITY).as_second().div_euclid(60);
        let mut of_route: Vec<_> =
            minutes.iter().filter(|minute| minute.route == route && minute.minute < newest).collect();
        of_route.sort_unstable_by_key(|minute| std::cmp::Reverse(minute.minute));

        let mut sum = Self::default();
        for minute in of_route {
            if sum.sent >= WINDOW_SENDS {
                break;
            }
            sum.sent = sum.sent.saturating_add(minute.sent);
            sum.used = sum.used.saturating_add(minute.used.min(minute.sent));
        }
        sum
    }

    /// Returns the share of codes that were used, smoothed so that few sends do not look certain.
    fn rate(self) -> f64 {
        (f64::from(self.used) + 1.0) / (f64::from(self.sent) + 2.0)
    }

    fn variance(self) -> f64 {
        let rate = self.rate();
        rate * (1.0 - rate) / (f64::from(self.sent) + 2.0)
    }

    fn is_known(self) -> bool {
        self.sent >= MIN_SENDS
    }

    /// Returns whether fewer codes are used than those of `best`, by more than chance explains.
    fn is_worse_than(self, best: Self) -> bool {
        let error = (self.variance() + best.variance()).sqrt();
        self.is_known() && best.is_known() && best.rate() - self.rate() > SIGNIFICANT * error
    }
}

/// Returns the share of messages that each route of a group gets. The shares add up to 1.
pub(super) fn shares(routes: &[Conversion]) -> Vec<f64> {
    let known = routes.iter().copied().filter(|route| route.is_known());
    let best = known.max_by(|one, other| one.rate().total_cmp(&other.rate())).unwrap_or_default();

    let worse = routes.iter().filter(|route| route.is_worse_than(best)).count();
    let explored = EXPLORATION * as_f64(worse);
    let share = (1.0 - explored) / as_f64(routes.len() - worse);
    routes.iter().map(|route| if route.is_worse_than(best) { EXPLORATION } else { share }).collect()
}

/// Returns the index of the route that gets a message. `dice` is a random number from 0 to 1.
pub(super) fn choose(shares: &[f64], dice: f64) -> usize {
    let mut sum = 0.0;
    let chosen = shares.iter().position(|share| {
        sum += share;
        dice < sum
    });
    chosen.unwrap_or(shares.len().saturating_sub(1))
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const NAMES: [&str; 2] = ["one", "two"];
    const START: i64 = 1_800_000_000;

    /// Two routes, a message every three seconds, and users who enter 90 % of the codes that arrive after 20 s.
    struct Simulation {
        random: Xoshiro256PlusPlus,
        now: i64,
        minutes: Vec<RouteMinute>,
        /// When a code will be used, and the minute and route of its message.
        uses: Vec<(i64, i64, usize)>,
        arriving: [f64; 2],
    }

    impl Simulation {
        fn new(seed: u64, arriving: [f64; 2]) -> Self {
            let random = Xoshiro256PlusPlus::seed_from_u64(seed);
            Self { random, now: START, minutes: Vec::new(), uses: Vec::new(), arriving }
        }

        fn of(&mut self, minute: i64, route: usize) -> &mut RouteMinute {
            let position = self.minutes.iter().position(|of| of.minute == minute && of.route == NAMES[route]);
            let index = position.unwrap_or_else(|| {
                self.minutes.push(RouteMinute { route: NAMES[route].to_owned(), minute, sent: 0, used: 0 });
                self.minutes.len() - 1
            });
            &mut self.minutes[index]
        }

        /// Sends messages, and returns the share that each route got.
        fn send(&mut self, messages: u32) -> [f64; 2] {
            let mut counts = [0.0; 2];
            for _ in 0..messages {
                self.now += 3;
                let now = self.now;
                for (_, minute, route) in self.uses.extract_if(.., |(at, ..)| *at <= now).collect::<Vec<_>>() {
                    self.of(minute, route).used += 1;
                }

                let at = Timestamp::from_second(now).expect("a time");
                let known = NAMES.map(|name| Conversion::recent(&self.minutes, name, at));
                let chosen = choose(&shares(&known), self.random.random());
                self.of(now / 60, chosen).sent += 1;
                counts[chosen] += 1.0 / f64::from(messages);
                if self.random.random_bool(0.9 * self.arriving[chosen]) {
                    self.uses.push((now + 20, now / 60, chosen));
                }
            }
            counts
        }
    }

    #[test]
    fn messages_leave_a_route_that_drops_half_and_find_it_again_when_it_recovers() {
        for seed in 0..50 {
            let mut simulation = Simulation::new(seed, [1.0, 0.5]);
            simulation.send(200);
            let [_, bad] = simulation.send(300);
            assert!(bad <= 0.1, "seed {seed}: the bad route has {bad:.2} of the messages after 200 of them");
            assert!(bad > 0.0, "seed {seed}: the bad route is still explored");

            simulation.arriving = [1.0, 1.0];
            simulation.send(1500);
            let [_, recovered] = simulation.send(600);
            assert!(recovered > 0.25, "seed {seed}: the route that recovered has {recovered:.2}");
        }
    }

    #[test]
    fn two_good_routes_get_about_the_same() {
        let mut sum = 0.0;
        for seed in 0..20 {
            let mut simulation = Simulation::new(seed, [1.0, 1.0]);
            sum += simulation.send(1000)[0] / 20.0;
        }
        assert!((0.35..0.65).contains(&sum), "{sum:.2}");
    }

    #[test]
    fn a_route_with_few_sends_is_tried_and_a_worse_one_is_explored() {
        let (good, bad, new) =
            (Conversion { sent: 40, used: 36 }, Conversion { sent: 40, used: 10 }, Conversion { sent: 3, used: 0 });
        assert_eq!(shares(&[good, bad]), [0.95, 0.05]);
        assert_eq!(shares(&[good, new]), [0.5, 0.5]);
        assert_eq!(shares(&[good, good, bad, bad]), [0.45, 0.45, 0.05, 0.05]);
        assert_eq!(shares(&[new]), [1.0]);
    }

    #[test]
    fn the_dice_choose_by_share() {
        let shares = [0.5, 0.0, 0.5];
        let chosen = [0.0, 0.49, 0.5, 0.99, 1.0].map(|dice| choose(&shares, dice));
        assert_eq!(chosen, [0, 0, 2, 2, 2]);
    }

    #[test]
    fn only_the_latest_sends_whose_users_had_time_count() {
        let now = Timestamp::from_second(600 * 60).expect("a time");
        let minute = |minute, sent, used| RouteMinute { route: "one".to_owned(), minute, sent, used };
        let minutes =
            [minute(590, 20, 1), minute(595, 20, 15), minute(597, 15, 14), minute(598, 9, 0), minute(599, 9, 0)];
        assert_eq!(Conversion::recent(&minutes, "one", now), Conversion { sent: 35, used: 29 });
        assert_eq!(Conversion::recent(&minutes, "two", now), Conversion::default());
    }
}
