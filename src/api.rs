//! The doors: what others reach Ringroute by. They translate, and decide nothing.

pub mod grpc;
pub mod metrics;
pub mod proto;
