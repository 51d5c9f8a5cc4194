//! The server by hand.

fn main() {}
