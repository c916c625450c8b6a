//! Reads a module from standard input and prints `valid`, or why it is not. Every proposal is switched on.

use anyhow::Result;
use std::io::{Read, stdin};
use wasmparser::{Validator, WasmFeatures};

fn main() -> Result<()> {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    match Validator::new_with_features(WasmFeatures::all()).validate_all(&bytes) {
        Ok(_) => println!("valid"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
