//! Writes random valid modules to standard output.
//!
//!     random-modules <first number> <count>
//!
//! Module N is the same for ever: its bytes depend on N and on the pinned generator alone. Each module is written as
//! two blocks, a JSON description and the binary, each after its length as a little-endian u32. The description is
//! `{"number": N, "recipe": "...", "waits": ..., "functions": [...]}`: see `limit_tools`.

use anyhow::{Result, anyhow};
use arbitrary::Unstructured;
use limit_tools::{exported_functions, waits};
use serde_json::json;
use std::io::{Write, stdout};
use wasm_smith::{Config, InstructionKind, InstructionKinds, Module};

/// What the test host offers; `host-imports.ts` of the tests is the other half of this list.
const HOST_IMPORTS: &str = r#"(module
    (import "host" "nothing" (func))
    (import "host" "number" (func (param i32) (result i32)))
    (import "host" "wide" (func (param i64 f64) (result i64)))
    (import "host" "pair" (func (param f32 i32) (result i32 f64)))
    (import "host" "fail" (func (param i32)))
    (import "host" "constant" (global i32))
    (import "host" "variable" (global (mut i64)))
)"#;

/// Exports that every module of the recipe `abi` has: the shape of a guest.
const GUEST_EXPORTS: &str = r#"(module
    (memory (export "memory") 1 4)
    (func (export "alloc") (param i32) (result i32) unreachable)
    (func (export "dealloc") (param i32 i32) unreachable)
    (func (export "evaluate") (param i32 i32) (result i64) unreachable)
    (func (export "finish") (param i32 i32) (result i64) unreachable)
)"#;

const RECIPES: [&str; 11] = [
    "mvp",
    "bulk",
    "simd",
    "memories",
    "gc",
    "exceptions",
    "atomics",
    "all",
    "abi",
    "long-lebs",
    "swarm",
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut next = || {
        arguments
            .next()
            .ok_or_else(|| anyhow!("usage: random-modules <first> <count>"))
    };
    let (first, count) = (next()??, next()??);

    let mut out = stdout().lock();
    for number in first..first + count {
        let (recipe, bytes) = module(number)?;
        let description = json!({
            "number": number,
            "recipe": recipe,
            "waits": waits(&bytes)?,
            "functions": exported_functions(&bytes)?,
        });
        for block in [serde_json::to_vec(&description)?, bytes] {
            out.write_all(&(block.len() as u32).to_le_bytes())?;
            out.write_all(&block)?;
        }
    }
    Ok(())
}

/// Odd rounds through the recipes count their own steps and trap when they run too long; the others may run for ever.
fn module(number: u64) -> Result<(String, Vec<u8>)> {
    let recipe = RECIPES[(number % RECIPES.len() as u64) as usize];
    let bounded = (number / RECIPES.len() as u64) % 2 == 1;
    let noise = noise(number, 1 << 13);
    let mut source = Unstructured::new(&noise);
    let config = config(recipe, &mut source)?;
    let mut module = Module::new(config, &mut source)?;
    if bounded {
        module.ensure_termination(2000)?;
    }
    let name = if bounded {
        format!("{recipe}, bounded")
    } else {
        recipe.to_string()
    };
    Ok((name, module.to_bytes()))
}

fn config(recipe: &str, source: &mut Unstructured<'_>) -> Result<Config> {
    let all = matches!(recipe, "all" | "long-lebs" | "swarm");
    let bulk = all || matches!(recipe, "bulk" | "memories" | "gc" | "simd" | "abi");
    let modern = all || matches!(recipe, "gc" | "exceptions");
    let mut config = Config {
        available_imports: Some(wat::parse_str(HOST_IMPORTS)?),
        export_everything: true,
        canonicalize_nans: true,
        disallow_traps: source.ratio(2, 3)?,
        memory_max_size_required: true,
        table_max_size_required: true,
        max_memory32_bytes: 8 << 16,
        max_table_elements: 64,
        max_elements: 8,
        max_element_segments: 4,
        max_data_segments: 4,
        max_funcs: 10,
        min_funcs: 3,
        max_globals: 8,
        max_imports: 4,
        max_types: 16,
        max_tags: 3,
        max_instructions: 250,
        max_memories: if all || recipe == "memories" { 4 } else { 1 },
        min_memories: if recipe == "memories" { 2 } else { 0 },
        max_tables: if bulk { 3 } else { 1 },
        bulk_memory_enabled: bulk,
        reference_types_enabled: bulk || modern,
        saturating_float_to_int_enabled: recipe != "mvp",
        sign_extension_ops_enabled: recipe != "mvp",
        multi_value_enabled: recipe != "mvp",
        extended_const_enabled: recipe != "mvp",
        simd_enabled: all || recipe == "simd",
        // The engine may answer these differently each time, and does, as its tiers of compilation take turns.
        relaxed_simd_enabled: false,
        gc_enabled: all || recipe == "gc",
        exceptions_enabled: all || recipe == "exceptions",
        tail_call_enabled: all || modern,
        threads_enabled: all || recipe == "atomics",
        memory64_enabled: false,
        compact_imports_enabled: false,
        wide_arithmetic_enabled: false,
        limit_arrays_in_const_exprs: true,
        allow_start_export: true,
        ..Config::default()
    };
    match recipe {
        "abi" => {
            config.export_everything = false;
            config.exports = Some(wat::parse_str(GUEST_EXPORTS)?);
        }
        "long-lebs" => {
            config.min_uleb_size = 5;
            config.generate_custom_sections = true;
        }
        "swarm" => {
            use InstructionKind::*;
            let kinds = [
                Numeric, Vector, Reference, Parametric, Variable, Table, Memory, Control, Aggregate,
            ];
            let mut chosen = Vec::new();
            for kind in kinds {
                if source.ratio(2, 3)? {
                    chosen.push(kind);
                }
            }
            config.allowed_instructions = InstructionKinds::new(&chosen);
            config.max_instructions = 1000;
            config.max_funcs = 30;
        }
        _ => {}
    }
    Ok(config)
}

/// SplitMix64: a fixed stream of bytes for each number.
fn noise(number: u64, length: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0xD1B5_4A32_D192_ED03);
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
    }
    bytes
}
