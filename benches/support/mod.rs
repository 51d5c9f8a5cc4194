//! What the benches share: how much is measured, the company it is measured with, and how it is told.
#![allow(dead_code, unreachable_pub, reason = "each bench uses its part of it")]

/// The one of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod call_path;
pub mod company;
pub mod report;
pub mod rounds;
pub mod server;
pub mod sql_server;

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
