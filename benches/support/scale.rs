//! How much is measured, which the command line decides.

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// What `benches/README.md` tells of.
    Full,
    /// So little that it only shows that the bench works; what it prints means nothing.
    Quick,
}

impl Scale {
    /// `cargo bench` asks for everything; `cargo bench -- --test` and `cargo test --benches` do not. The same
    /// arguments tell criterion the same.
    pub fn from_arguments() -> Scale {
        let given = |name: &str| std::env::args().any(|argument| argument == name);
        if given("--bench") && !given("--test") { Scale::Full } else { Scale::Quick }
    }

    /// How many contacts the company has.
    pub fn contacts(self) -> u32 {
        self.pick(500_000, 2_000)
    }

    pub fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Scale::Full => full,
            Scale::Quick => quick,
        }
    }
}
