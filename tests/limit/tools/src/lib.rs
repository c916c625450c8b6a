//! What the tests must know of a module that JavaScript does not tell: the types of its exported
//! functions, and whether it waits.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use wasmparser::{
    AbstractHeapType, CompositeInnerType, ExternalKind, HeapType, Operator, Parser, Payload,
    RefType, SubType, TypeRef, ValType,
};

/// `[{"name", "params", "results"}]`, one for each exported function; the types are words of `kind`.
pub fn exported_functions(bytes: &[u8]) -> Result<Vec<Value>> {
    let mut types: Vec<SubType> = Vec::new();
    let mut type_of_function: Vec<u32> = Vec::new();
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group?.into_types());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(index) | TypeRef::FuncExact(index) = import?.ty {
                        type_of_function.push(index);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    type_of_function.push(index?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind != ExternalKind::Func {
                        continue;
                    }
                    let index = type_of_function
                        .get(export.index as usize)
                        .context("no such function")?;
                    let sub = types.get(*index as usize).context("no such type")?;
                    let CompositeInnerType::Func(signature) = &sub.composite_type.inner else {
                        bail!("an exported function without a function type");
                    };
                    let kinds =
                        |list: &[ValType]| list.iter().map(|one| kind(*one)).collect::<Vec<_>>();
                    functions.push(json!({
                        "name": export.name,
                        "params": kinds(signature.params()),
                        "results": kinds(signature.results()),
                    }));
                }
            }
            _ => {}
        }
    }
    Ok(functions)
}

/// Whether the code has an instruction that waits for another thread.
pub fn waits(bytes: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::CodeSectionEntry(body) = payload? {
            for operator in body.get_operators_reader()? {
                if let Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } =
                    operator?
                {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// A value type by what JavaScript can do with it: "null" takes only null, "none" takes nothing that can be made.
fn kind(value: ValType) -> &'static str {
    match value {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "v128",
        ValType::Ref(RefType::EXTERNREF) => "externref",
        ValType::Ref(RefType::FUNCREF) => "funcref",
        ValType::Ref(RefType::ANYREF) => "anyref",
        ValType::Ref(reference) => match reference.heap_type() {
            HeapType::Abstract {
                ty: AbstractHeapType::Exn | AbstractHeapType::NoExn,
                ..
            } => "none",
            HeapType::Abstract {
                ty: AbstractHeapType::Extern | AbstractHeapType::Any,
                ..
            } => "anything",
            HeapType::Abstract {
                ty: AbstractHeapType::I31 | AbstractHeapType::Eq,
                ..
            } => "i31",
            HeapType::Abstract {
                ty: AbstractHeapType::Func,
                ..
            } => "function",
            _ if reference.is_nullable() => "null",
            _ => "none",
        },
    }
}
