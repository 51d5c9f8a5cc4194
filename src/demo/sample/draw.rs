//! Chance that is the same on every machine and in every year.

/// A stream of numbers that look random: the generator SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(super) struct Draw(u64);

/// 2^64 divided by the golden ratio: the step between two states of the generator.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn scramble(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

impl Draw {
    /// The stream of one thing: every pair of kind and number has its own.
    pub(super) fn new(kind: u32, number: u32) -> Self {
        // Scrambled twice, for streams that start at neighbouring states would be each other, shifted.
        Draw(scramble(scramble((u64::from(kind) << 32) | u64::from(number)).wrapping_add(STEP)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        scramble(self.0)
    }

    /// A number from 0 to `end` - 1.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        // The high half of the product: no division, and no bias that a sample would show.
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of `choices`, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// Fills in a template: `#` a digit, `%` a digit from 2 to 9, `@` a capital letter.
    pub(super) fn fill(&mut self, template: &str) -> String {
        template
            .chars()
            .map(|place| match place {
                '#' => (b'0' + self.below(10) as u8).into(),
                '%' => (b'2' + self.below(8) as u8).into(),
                '@' => (b'A' + self.below(26) as u8).into(),
                other => other,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first outputs of the published generator for the seed 1234567.
        let mut draw = Draw(1_234_567);
        assert_eq!([draw.next(), draw.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
