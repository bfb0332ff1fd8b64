//! What may be concluded from times: pure functions.
//!
//! Times of one machine drift by far more than the differences of interest, so only ratios count that were formed
//! within a round, in which everyone ran once. Their logarithms are used, so that "a is faster than b" and "b is slower
//! than a" are the same statement.

use serde::Serialize;

/// A median with the interval that holds it: of logarithms of ratios, or whatever was given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end; minus infinity where there are too few values for one.
    pub low: f64,
    /// The median.
    pub centre: f64,
    /// The upper end; infinity where there are too few values for one.
    pub high: f64,
}

/// The probability with which an interval holds its median, at least.
pub const CONFIDENCE: f64 = 0.95;

impl Interval {
    /// Of no values.
    pub(super) const UNKNOWN: Self = Self { low: f64::NEG_INFINITY, centre: 0.0, high: f64::INFINITY };

    /// The median of these values, and the interval between two of them that holds the median of what they are drawn
    /// from with a probability of [`CONFIDENCE`], whatever that distribution is. `None` without values.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let centre = f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]);
        Some(match rank(sorted.len()) {
            None => Self { low: f64::NEG_INFINITY, centre, high: f64::INFINITY },
            Some(rank) => Self { low: sorted[rank], centre, high: sorted[last - rank] },
        })
    }

    /// The end that is farther from zero, as a distance from it.
    #[must_use]
    pub fn reach(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}

/// How much faster one was than another, in words: `+3.1% (2.7% to 3.5%)`. The interval is one of logarithms.
#[must_use]
pub fn margin(faster: Interval) -> String {
    let Interval { low, centre, high } = faster;
    format!("{:+.1}% ({:.1}% to {:.1}%)", percent(centre), percent(low), percent(high))
}

/// How many of `count` sorted values lie outside of the interval at each end, or `None` if all of them are too few.
///
/// Each value is above the median with a probability of one half, so the number of those above is binomial. The interval
/// leaves out as many at each end as have together no more than the probability that is given up.
fn rank(count: usize) -> Option<usize> {
    let mut term = 0.5_f64.powi(i32::try_from(count).ok()?);
    // Beyond a thousand values the probabilities are below what a float holds, and the normal distribution is as good.
    if term == 0.0 {
        let count = to_f64(count);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank, above zero")]
        return Some((count / 2.0 - 0.98 * count.sqrt()).floor() as usize);
    }
    let (mut below, mut rank) = (0.0, None);
    for left_out in 0..count {
        below += term;
        if below > (1.0 - CONFIDENCE) / 2.0 {
            break;
        }
        rank = Some(left_out);
        term *= to_f64(count - left_out) / to_f64(left_out + 1);
    }
    rank
}

/// How much faster one was than another: the logarithms of the other's time over its own, in each round that both ran.
#[must_use]
pub fn faster(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| (other / one).ln()).collect()
}

/// Whether a contestant can be given up, from how much faster than the leader it was in each round.
///
/// After few rounds only what is far behind in every one of them; with an interval, what is surely behind: by 5 % as long
/// as that is all of the rounds or nearly so, then by 2 %.
#[must_use]
pub fn is_hopeless(faster_than_leader: &[f64]) -> bool {
    let best = faster_than_leader.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match faster_than_leader.len() {
        0 => false,
        1 => best < -0.7,
        2 => best < -0.3,
        3..=5 => best < -0.1,
        count => {
            let behind = if count < 12 { -0.05 } else { -0.02 };
            Interval::of(faster_than_leader).is_some_and(|interval| interval.high < behind)
        }
    }
}

/// How a duel ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The challenger is faster by enough, and surely faster.
    Wins,
    /// It is not.
    TooClose,
    /// The machine cannot tell: the incumbent differs from itself by too much.
    Noisy,
}

/// By how much the incumbent may differ from itself without anybody asking.
pub const NOISE: f64 = 0.02;

/// The verdict: `duel` is how much faster the challenger was than the incumbent, `control` how much faster the incumbent
/// was than itself in the same rounds, and `least` by how much a challenger has to win.
#[must_use]
pub fn decide(duel: Interval, control: Interval, least: f64) -> Decision {
    // What is larger than the noise is seen through it.
    if control.reach() > NOISE.max(duel.centre) {
        Decision::Noisy
    } else if duel.centre >= least && duel.low > 0.0 {
        Decision::Wins
    } else {
        Decision::TooClose
    }
}

/// Whether more rounds could hardly change a verdict: the interval is clear of what decides, and the machine as quiet as
/// the verdict needs it to be, with some room.
#[must_use]
pub fn is_settled(duel: Interval, control: Interval, least: f64) -> bool {
    (duel.low > least && control.reach() < 0.5 * NOISE.max(duel.centre))
        || (duel.high < least && control.reach() < NOISE)
}

/// A logarithm of a ratio as per cent: 0.01 is about `1.0%`.
#[must_use]
pub fn percent(log: f64) -> f64 {
    100.0 * log.exp_m1()
}

#[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
pub(super) fn to_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_leaves_out_what_the_binomial_distribution_allows() {
        // From tables of the sign test: ranks, counted from 0, that leave at most 2.5 % at each end.
        for (count, expected) in
            [(1, None), (5, None), (6, Some(0)), (8, Some(0)), (9, Some(1)), (20, Some(5)), (50, Some(17))]
        {
            assert_eq!(rank(count), expected, "{count} values");
        }
        for count in [900, 1000, 1020, 1100, 2000] {
            let normal = to_f64(count) / 2.0 - 0.98 * to_f64(count).sqrt();
            assert!((to_f64(rank(count).unwrap()) - normal).abs() < 2.0, "{count} values");
        }
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "the median of few is one of them")]
    fn the_centre_is_the_median_and_outliers_move_nothing() {
        assert_eq!(Interval::of(&[]), None);
        assert_eq!(Interval::of(&[3.0, 1.0]).unwrap().centre, 2.0);
        let mut values: Vec<f64> = (0..21).map(f64::from).collect();
        let plain = Interval::of(&values).unwrap();
        assert_eq!((plain.low, plain.centre, plain.high), (5.0, 10.0, 15.0));
        values[20] = 1e9;
        values[0] = -1e9;
        assert_eq!(Interval::of(&values), Some(plain));
        assert_eq!(plain.reach(), 15.0);
    }

    #[test]
    fn faster_is_the_logarithm_of_the_other_over_the_one() {
        let ratios = faster(&[1.0, 2.0], &[2.0, 1.0, 5.0]);
        assert_eq!(ratios.len(), 2);
        assert!((ratios[0] - 2.0_f64.ln()).abs() < 1e-15 && (ratios[1] + 2.0_f64.ln()).abs() < 1e-15);
        assert!((percent(1.03_f64.ln()) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn little_evidence_gives_up_only_what_is_far_behind() {
        assert!(!is_hopeless(&[]) && !is_hopeless(&[-0.5]) && is_hopeless(&[-0.8]));
        assert!(!is_hopeless(&[-0.5, -0.2]) && is_hopeless(&[-0.5, -0.4]));
        assert!(!is_hopeless(&[-0.2, -0.2, -0.05]) && is_hopeless(&[-0.2, -0.2, -0.11]));
        assert!(is_hopeless(&[-0.06; 6]) && !is_hopeless(&[-0.04; 11]));
        assert!(is_hopeless(&[-0.03; 12]) && !is_hopeless(&[-0.01; 60]));
        assert!(!is_hopeless(&[-0.5, -0.5, -0.5, -0.5, -0.5, 0.01]));
    }

    #[test]
    fn a_verdict_needs_a_margin_an_interval_and_a_quiet_machine() {
        let interval = |low, centre, high| Interval { low, centre, high };
        let (quiet, loud) = (interval(-0.004, 0.0, 0.005), interval(-0.03, 0.0, 0.01));
        let least = 1.02_f64.ln();
        assert_eq!(decide(interval(0.01, 0.03, 0.05), quiet, least), Decision::Wins);
        assert_eq!(decide(interval(-0.001, 0.03, 0.05), quiet, least), Decision::TooClose);
        assert_eq!(decide(interval(0.01, 0.019, 0.03), quiet, least), Decision::TooClose);
        assert_eq!(decide(interval(0.01, 0.025, 0.05), loud, least), Decision::Noisy);
        assert_eq!(decide(interval(0.01, 0.04, 0.05), loud, least), Decision::Wins);
        assert_eq!(decide(interval(0.3, 0.33, 0.35), loud, least), Decision::Wins);
        assert_eq!(decide(interval(f64::NEG_INFINITY, 0.3, f64::INFINITY), quiet, least), Decision::TooClose);
        assert!(is_settled(interval(0.021, 0.03, 0.05), quiet, least));
        assert!(is_settled(interval(-0.01, 0.0, 0.01), quiet, least));
        assert!(!is_settled(interval(0.01, 0.03, 0.05), quiet, least));
        assert!(!is_settled(interval(0.021, 0.025, 0.03), interval(-0.015, 0.0, 0.0), least));
        // What is larger than the noise is seen through it, and nobody waits for quiet to say that somebody lost.
        assert!(is_settled(interval(0.15, 0.2, 0.25), interval(-0.05, 0.0, 0.03), least));
        assert!(is_settled(interval(-0.01, 0.0, 0.01), interval(-0.015, 0.0, 0.0), least));
        assert!(!is_settled(interval(-0.01, 0.0, 0.01), loud, least));
    }
}
