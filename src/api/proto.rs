//! The contract in `proto/`, as `build.rs` compiled it. These types stay in the doors and in the client.

/// Messages, clients and servers of the package `ringroute.v1`.
///
/// The comments are those of the contract.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::panic,
    rustdoc::all,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("ringroute.v1");
}

/// The contract as a serialised `google.protobuf.FileDescriptorSet`, with everything that it imports, for
/// the reflection service and for protobuf's JSON form.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("ringroute.v1");

#[cfg(test)]
mod tests {
    use super::FILE_DESCRIPTOR_SET;

    #[test]
    fn the_descriptor_set_is_complete() {
        let pool = prost_reflect::DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
        let services: Vec<_> = pool.services().map(|service| service.full_name().to_owned()).collect();
        for name in ["CallRouting", "Phonebook", "Route", "Settings", "Status", "Sync"] {
            assert!(services.contains(&format!("ringroute.v1.{name}Service")), "{services:?}");
        }
    }
}
