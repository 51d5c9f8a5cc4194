//! `ringroute demo`: the whole way from a company's database to a routed call, on data made up here.

pub mod sample;
