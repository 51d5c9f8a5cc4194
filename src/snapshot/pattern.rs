//! Patterns of dialled and calling numbers.
