/** Templates of Go's text/template, as a tree (https://pkg.go.dev/text/template#hdr-Actions). */

import { UndefinedResult } from "./builtin.ts";

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly body: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    }
  | { readonly kind: "template"; readonly name: string; readonly pipeline: Pipeline | null }
  | { readonly kind: "break" | "continue" };

export interface Pipeline {
  /** Variables that get the value: one, or for `range` index and element. */
  readonly variables: readonly string[];
  readonly declares: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

export type Operand =
  /** `.a.b` of the dot, of a variable, of a pipeline in parentheses. */
  | { readonly kind: "field"; readonly of: Operand | null; readonly names: readonly string[] }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "literal"; readonly value: string | bigint | number | boolean | null }
  | { readonly kind: "pipeline"; readonly pipeline: Pipeline };

export interface ParsedTemplate {
  readonly root: readonly TemplateNode[];
  readonly defined: ReadonlyMap<string, readonly TemplateNode[]>;
}

const ACTION = /\{\{(-[ \t\r\n])?([\s\S]*?)([ \t\r\n]-)?\}\}/g;
const COMMENT = /^\s*\/\*[\s\S]*\*\/\s*$/;
const TOKEN =
  /\s+|("(?:[^"\\\n]|\\.)*")|(`[^`]*`)|('(?:[^'\\]|\\.[^']*)')|([-+]?(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?))|(\$[A-Za-z0-9_]*)|(\.[A-Za-z_][A-Za-z0-9_]*)|([A-Za-z_][A-Za-z0-9_]*)|(:=|[=|(),.])/y;
const MAX_DEPTH = 100;

type Piece = { readonly text: string } | { readonly action: string };

/** @throws UndefinedResult for what is no template */
export function parseTemplate(text: string): ParsedTemplate {
  return new TreeParser(pieces(text)).parse();
}

function pieces(text: string): readonly Piece[] {
  const found: Piece[] = [];
  let start = 0;
  let trimsNext = false;
  for (const match of text.matchAll(ACTION)) {
    const [whole, trimBefore, action = "", trimAfter] = match;
    found.push({ text: trimmed(text.slice(start, match.index), trimsNext, trimBefore !== undefined) });
    if (!COMMENT.test(action)) found.push({ action: action.trim() });
    trimsNext = trimAfter !== undefined;
    start = match.index + whole.length;
  }
  const rest = text.slice(start);
  if (rest.includes("{{")) throw new UndefinedResult("unclosed action");
  found.push({ text: trimmed(rest, trimsNext, false) });
  return found;
}

function trimmed(text: string, atStart: boolean, atEnd: boolean): string {
  const fromStart = atStart ? text.replace(/^[ \t\r\n]+/, "") : text;
  return atEnd ? fromStart.replace(/[ \t\r\n]+$/, "") : fromStart;
}

/** What ends a list of nodes. */
interface Ending {
  readonly word: "end" | "else" | "eof";
  /** Behind `else`. */
  readonly rest: string;
}

class TreeParser {
  readonly #pieces: readonly Piece[];
  readonly #defined = new Map<string, readonly TemplateNode[]>();
  #at = 0;
  #depth = 0;

  constructor(list: readonly Piece[]) {
    this.#pieces = list;
  }

  parse(): ParsedTemplate {
    const { nodes, ending } = this.#list();
    if (ending.word !== "eof") throw new UndefinedResult(`unexpected {{${ending.word}}}`);
    return { root: nodes, defined: this.#defined };
  }

  #list(): { nodes: readonly TemplateNode[]; ending: Ending } {
    if (++this.#depth > MAX_DEPTH) throw new UndefinedResult("the template is nested too deeply");
    const nodes: TemplateNode[] = [];
    for (;;) {
      const piece = this.#pieces[this.#at++];
      if (piece === undefined || "action" in piece) {
        const ending =
          piece === undefined ? ({ word: "eof", rest: "" } as const) : this.#action(piece.action, nodes);
        if (ending === null) continue;
        this.#depth--;
        return { nodes, ending };
      }
      if (piece.text !== "") nodes.push({ kind: "text", text: piece.text });
    }
  }

  /** Adds a node, or says that the list ends here. */
  #action(action: string, nodes: TemplateNode[]): Ending | null {
    const [, word = "", rest = ""] = /^([a-z]*)\b\s*([\s\S]*)$/.exec(action) ?? [];
    switch (word) {
      case "end":
      case "else":
        return { word, rest };
      case "if":
      case "with":
      case "range":
        nodes.push(this.#control(word, rest));
        return null;
      case "define":
        this.#define(rest);
        return null;
      case "template":
      case "block":
        nodes.push(this.#template(word, rest));
        return null;
      case "break":
      case "continue":
        nodes.push({ kind: word });
        return null;
      default:
        nodes.push({ kind: "print", pipeline: parsePipeline(action) });
        return null;
    }
  }

  #control(kind: "if" | "with" | "range", text: string): TemplateNode {
    const pipeline = parsePipeline(text);
    const { nodes: body, ending } = this.#list();
    if (ending.word === "end") return { kind, pipeline, body, otherwise: [] };
    if (ending.word === "eof") throw new UndefinedResult("unexpected EOF");
    const [, word, rest = ""] = /^(if|with)\s+([\s\S]*)$/.exec(ending.rest) ?? [];
    if (word === "if" || word === "with") {
      return { kind, pipeline, body, otherwise: [this.#control(word, rest)] };
    }
    const { nodes: otherwise, ending: last } = this.#list();
    if (last.word !== "end") throw new UndefinedResult("expected end");
    return { kind, pipeline, body, otherwise };
  }

  #define(text: string): void {
    const { nodes, ending } = this.#list();
    if (ending.word !== "end") throw new UndefinedResult("expected end of define");
    const { name } = quotedName(text);
    if (this.#defined.has(name))
      throw new UndefinedResult(`multiple definition of template ${JSON.stringify(name)}`);
    this.#defined.set(name, nodes);
  }

  #template(word: "template" | "block", text: string): TemplateNode {
    const { name, rest } = quotedName(text);
    if (word === "block") this.#define(text);
    return { kind: "template", name, pipeline: rest === "" ? null : parsePipeline(rest) };
  }
}

function quotedName(text: string): { name: string; rest: string } {
  const match = /^("(?:[^"\\]|\\.)*"|`[^`]*`)\s*([\s\S]*)$/.exec(text.trim());
  if (match === null) throw new UndefinedResult("a template's name is a string in quotes");
  return { name: unquote(match[1]!), rest: match[2]! };
}

function unquote(text: string): string {
  if (text.startsWith("`")) return text.slice(1, -1);
  const escaped = text.slice(1, -1);
  try {
    return JSON.parse(
      `"${escaped.replace(/\\x([0-9a-fA-F]{2})/g, "\\u00$1").replaceAll("\\'", "'")}"`,
    ) as string;
  } catch {
    throw new UndefinedResult("bad quoted string");
  }
}

type Token = {
  readonly type: "string" | "char" | "number" | "variable" | "field" | "word" | "mark" | "space";
  readonly text: string;
};

const TYPES = ["string", "string", "char", "number", "variable", "field", "word", "mark"] as const;

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (match === null) throw new UndefinedResult("unexpected character in an action");
    const index = match.slice(1).findIndex((group) => group !== undefined);
    tokens.push({ type: index < 0 ? "space" : TYPES[index]!, text: match[0] });
  }
  return tokens;
}

function parsePipeline(text: string): Pipeline {
  const parser = new PipelineParser(tokenize(text));
  const pipeline = parser.pipeline(0);
  parser.assertEnd();
  return pipeline;
}

class PipelineParser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  pipeline(depth: number): Pipeline {
    if (depth > MAX_DEPTH) throw new UndefinedResult("a pipeline is nested too deeply");
    const { variables, declares } = this.#variables();
    const commands = [this.#command(depth)];
    while (this.#takes("|")) commands.push(this.#command(depth));
    return { variables, declares, commands };
  }

  assertEnd(): void {
    this.#skipSpace();
    if (this.#at < this.#tokens.length) throw new UndefinedResult("unexpected text in an action");
  }

  #variables(): { variables: readonly string[]; declares: boolean } {
    const start = this.#at;
    const variables: string[] = [];
    do {
      this.#skipSpace();
      const token = this.#tokens[this.#at];
      if (token?.type !== "variable") break;
      variables.push(token.text);
      this.#at++;
    } while (this.#takes(","));
    if (variables.length > 0) {
      if (this.#takes(":=")) return { variables, declares: true };
      if (this.#takes("=")) return { variables, declares: false };
    }
    this.#at = start;
    return { variables: [], declares: false };
  }

  #command(depth: number): readonly Operand[] {
    const operands: Operand[] = [];
    for (;;) {
      this.#skipSpace();
      const token = this.#tokens[this.#at];
      if (token === undefined || token.text === "|" || token.text === ")") break;
      operands.push(this.#operand(depth));
    }
    if (operands.length === 0) throw new UndefinedResult("missing value for a command");
    return operands;
  }

  #operand(depth: number): Operand {
    const base = this.#term(depth);
    const names: string[] = [];
    for (let token = this.#tokens[this.#at]; token?.type === "field"; token = this.#tokens[++this.#at]) {
      names.push(token.text.slice(1));
    }
    if (names.length === 0) return base;
    if (base.kind === "field") return { ...base, names: [...base.names, ...names] };
    if (base.kind === "literal") throw new UndefinedResult("a literal has no fields");
    return { kind: "field", of: base, names };
  }

  #term(depth: number): Operand {
    const token = this.#tokens[this.#at++]!;
    switch (token.type) {
      case "string":
        return { kind: "literal", value: unquote(token.text) };
      case "char":
        return {
          kind: "literal",
          value: BigInt(unquote(`"${token.text.slice(1, -1)}"`).codePointAt(0) ?? 0),
        };
      case "number":
        return {
          kind: "literal",
          value: /^[-+]?(?:0[xX])?[0-9a-fA-F]+$/.test(token.text)
            ? BigInt(token.text.replace("+", ""))
            : Number(token.text),
        };
      case "variable":
        return { kind: "variable", name: token.text };
      case "field":
        return { kind: "field", of: null, names: [token.text.slice(1)] };
      case "word":
        return wordOperand(token.text);
      default:
        if (token.text === ".") return { kind: "field", of: null, names: [] };
        if (token.text !== "(") throw new UndefinedResult("unexpected text in an action");
        return this.#parenthesised(depth);
    }
  }

  #parenthesised(depth: number): Operand {
    const pipeline = this.pipeline(depth + 1);
    if (!this.#takes(")")) throw new UndefinedResult("unclosed left paren");
    return { kind: "pipeline", pipeline };
  }

  #takes(mark: string): boolean {
    this.#skipSpace();
    if (this.#tokens[this.#at]?.text !== mark || this.#tokens[this.#at]?.type !== "mark") return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    while (this.#tokens[this.#at]?.type === "space") this.#at++;
  }
}

function wordOperand(word: string): Operand {
  switch (word) {
    case "true":
    case "false":
      return { kind: "literal", value: word === "true" };
    case "nil":
      return { kind: "literal", value: null };
    default:
      return { kind: "function", name: word };
  }
}
