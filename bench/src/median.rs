//! The middle of several measurements.

use anyhow::Context as _;

/// The measurement in the middle; of an even number, the higher of the two.
pub(crate) fn median<T: Ord + Copy>(mut values: Vec<T>) -> anyhow::Result<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied().context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_measurement_in_the_middle() {
        assert_eq!(median(vec![9, 1, 3]).unwrap(), 3);
        assert_eq!(median(vec![9, 1, 3, 4]).unwrap(), 4);
        assert!(median::<u64>(Vec::new()).is_err());
    }
}
