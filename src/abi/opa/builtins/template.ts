/** `strings.render_template`: Go's text/template with the variables of a policy. */

import { RegoNumber } from "../values/rego-number.ts";
import { isArray, RegoObject, type RegoValue } from "../values/rego-value.ts";
import {
  assertWorkable,
  type BuiltinTable,
  type EvaluationContext,
  MAX_TEXT_UNITS,
  objectArgument,
  stringArgument,
  UndefinedResult,
  UNITS_PER_US,
} from "./builtin.ts";
import { FUNCTIONS } from "./template-functions.ts";
import {
  type Operand,
  type ParsedTemplate,
  parseTemplate,
  type Pipeline,
  type TemplateNode,
} from "./template-parser.ts";
import { isTrue, NO_VALUE, printed, sortedEntries, type TemplateValue } from "./template-values.ts";

const MAX_TEMPLATE_UNITS = 64 * 1024;
const MAX_DEPTH = 100;

export const TEMPLATE: BuiltinTable = {
  "strings.render_template": (args, context) => {
    const text = stringArgument(args, 0);
    assertWorkable(text.length, MAX_TEMPLATE_UNITS, "characters of a template");
    context.charge(text.length * (UNITS_PER_US / 10));
    const rendered = new Rendering(parseTemplate(text), context).render(objectArgument(args, 1));
    return rendered.replaceAll(NO_VALUE, "<undefined>");
  },
};

interface Variable {
  readonly name: string;
  value: TemplateValue;
}

type Leave = "break" | "continue" | null;

class Rendering {
  readonly #template: ParsedTemplate;
  readonly #context: EvaluationContext;
  readonly #parts: string[] = [];
  #units = 0;
  #variables: Variable[] = [];
  #depth = 0;

  constructor(template: ParsedTemplate, context: EvaluationContext) {
    this.#template = template;
    this.#context = context;
  }

  render(dot: RegoObject): string {
    this.#variables = [{ name: "$", value: dot }];
    this.#nodes(this.#template.root, dot);
    return this.#parts.join("");
  }

  #write(text: string): void {
    this.#units += text.length;
    assertWorkable(this.#units, MAX_TEXT_UNITS, "characters of a rendered template");
    this.#parts.push(text);
  }

  /** Variables that are declared within end with it. */
  #nodes(nodes: readonly TemplateNode[], dot: TemplateValue): Leave {
    const known = this.#variables.length;
    try {
      for (const node of nodes) {
        const leave = this.#node(node, dot);
        if (leave !== null) return leave;
      }
      return null;
    } finally {
      this.#variables.length = known;
    }
  }

  #node(node: TemplateNode, dot: TemplateValue): Leave {
    this.#context.charge(UNITS_PER_US);
    this.#context.assertInTime();
    switch (node.kind) {
      case "text":
        this.#write(node.text);
        return null;
      case "print": {
        const value = this.#pipeline(node.pipeline, dot);
        if (node.pipeline.variables.length === 0) this.#write(printed(value));
        return null;
      }
      case "if":
      case "with":
        return this.#conditional(node, dot);
      case "range":
        return this.#range(node, dot);
      case "template":
        this.#include(node, dot);
        return null;
      case "break":
      case "continue":
        return node.kind;
      default:
        return node satisfies never;
    }
  }

  #conditional(node: TemplateNode & { kind: "if" | "with" | "range" }, dot: TemplateValue): Leave {
    const known = this.#variables.length;
    const value = this.#pipeline(node.pipeline, dot);
    const leave = isTrue(value)
      ? this.#nodes(node.body, node.kind === "with" ? value : dot)
      : this.#nodes(node.otherwise, dot);
    this.#variables.length = known;
    return leave;
  }

  #range(node: TemplateNode & { kind: "if" | "with" | "range" }, dot: TemplateValue): null {
    const known = this.#variables.length;
    const { variables, ...pipeline } = node.pipeline;
    const value = this.#pipeline({ ...pipeline, variables: [] }, dot);
    const items = elementsOf(value);
    for (const [key, item] of items) {
      if (variables.length === 1) this.#assign(variables[0]!, item, true);
      else if (variables.length > 1) {
        this.#assign(variables[0]!, key, true);
        this.#assign(variables[1]!, item, true);
      }
      const leave = this.#nodes(node.body, item);
      this.#variables.length = known;
      if (leave === "break") break;
    }
    if (items.length === 0) this.#nodes(node.otherwise, dot);
    return null;
  }

  #include(node: TemplateNode & { kind: "template" }, dot: TemplateValue): void {
    const nodes = this.#template.defined.get(node.name);
    if (nodes === undefined) throw new UndefinedResult(`template ${JSON.stringify(node.name)} not defined`);
    if (++this.#depth > MAX_DEPTH) throw new UndefinedResult("exceeded maximum template depth");
    const value = node.pipeline === null ? null : this.#pipeline(node.pipeline, dot);
    const outer = this.#variables;
    this.#variables = [{ name: "$", value }];
    this.#nodes(nodes, value);
    this.#variables = outer;
    this.#depth--;
  }

  #pipeline({ commands, variables, declares }: Pipeline, dot: TemplateValue): TemplateValue {
    let value: TemplateValue;
    for (const [i, command] of commands.entries()) {
      value = this.#command(command, dot, i === 0 ? [] : [value]);
    }
    for (const name of variables) this.#assign(name, value, declares);
    return value;
  }

  /** `last` is the value of the command before, which becomes the last argument. */
  #command(operands: readonly Operand[], dot: TemplateValue, last: readonly TemplateValue[]): TemplateValue {
    const [first, ...rest] = operands;
    if (first?.kind !== "function") {
      if (rest.length > 0 || last.length > 0)
        throw new UndefinedResult("can't give argument to non-function");
      return this.#operand(first!, dot);
    }
    if (first.name === "and" || first.name === "or") return this.#connective(first.name, rest, dot, last);
    const call = FUNCTIONS.get(first.name);
    if (call === undefined) throw new UndefinedResult(`function ${JSON.stringify(first.name)} not defined`);
    return call([...rest.map((operand) => this.#operand(operand, dot)), ...last]);
  }

  #connective(
    name: "and" | "or",
    operands: readonly Operand[],
    dot: TemplateValue,
    last: readonly TemplateValue[],
  ): TemplateValue {
    let value: TemplateValue;
    for (const operand of operands) {
      value = this.#operand(operand, dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    return last.length > 0 ? last[0] : value;
  }

  #operand(operand: Operand, dot: TemplateValue): TemplateValue {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "variable":
        return this.#variable(operand.name).value;
      case "field":
        return operand.names.reduce<TemplateValue>(
          field,
          operand.of === null ? dot : this.#operand(operand.of, dot),
        );
      case "pipeline":
        return this.#pipeline(operand.pipeline, dot);
      case "function":
        return this.#command([operand], dot, []);
      default:
        return operand satisfies never;
    }
  }

  #variable(name: string): Variable {
    const variable = this.#variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) throw new UndefinedResult(`undefined variable ${JSON.stringify(name)}`);
    return variable;
  }

  #assign(name: string, value: TemplateValue, declares: boolean): void {
    if (declares) this.#variables.push({ name, value });
    else this.#variable(name).value = value;
  }
}

function field(value: TemplateValue, name: string): TemplateValue {
  if (value instanceof RegoObject) return value.get(name);
  if (value === undefined) return undefined;
  throw new UndefinedResult(`can't evaluate field ${name}`);
}

function elementsOf(value: TemplateValue): readonly (readonly [TemplateValue, TemplateValue])[] {
  if (value === undefined || value === null) return [];
  if (value instanceof RegoObject) return sortedEntries(value);
  if (typeof value === "bigint") {
    const count = value > 0n ? value : 0n;
    assertWorkable(Number(count), MAX_TEMPLATE_UNITS, "turns of a range");
    return Array.from({ length: Number(count) }, (_, i) => [BigInt(i), BigInt(i)] as const);
  }
  if (value instanceof RegoNumber || !isArray(value as RegoValue)) {
    throw new UndefinedResult("range can't iterate over this value");
  }
  return (value as readonly RegoValue[]).map((item, i) => [BigInt(i), item] as const);
}
