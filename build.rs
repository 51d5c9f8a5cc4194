//! Compiles the contract in `proto/` into Rust, with protox: no protoc is needed.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message;
use tonic_prost_build::Config;

const ROOT: &str = "proto";
const PACKAGE: &str = "proto/ringroute/v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PACKAGE}");
    let mut files = Vec::<PathBuf>::new();
    for entry in std::fs::read_dir(PACKAGE)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort(); // the same contract gives the same program on every machine

    let descriptors = protox::compile(&files, [ROOT]).map_err(|error| format!("{error:?}"))?;
    let out_dir = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out_dir).join("ringroute.v1.bin"), descriptors.encode_to_vec())?;
    let mut config = Config::new();
    config.enable_type_names(); // the command line finds a message's descriptor by it
    tonic_prost_build::configure()
        .build_client(true)
        .build_server(true)
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}
