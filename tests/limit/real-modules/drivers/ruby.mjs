/** Ruby 3.4 over WASI, with setjmp and longjmp for exceptions and a conservative garbage collector. */
import { readFile } from "node:fs/promises";
import { DefaultRubyVM } from "@ruby/wasm-wasi/dist/browser";

const bytes = await readFile(new URL(import.meta.resolve("@ruby/3.4-wasm-wasi/dist/ruby+stdlib.wasm")));
const { vm } = await DefaultRubyVM(await WebAssembly.compile(bytes));
export const result = vm
  .eval(`
    require "digest"
    require "json"
    words = (1..20_000).map { |n| (n * n).to_s.gsub(/(\\d)(\\d)/, '\\2\\1') }.uniq.sort
    caught = begin; Integer("x"); rescue ArgumentError => error; error.message; end
    fiber = Fiber.new { 3.times { |i| Fiber.yield i }; :done }
    JSON.generate([words.size, Digest::SHA256.hexdigest(words.join), caught, 2 ** 200, [fiber.resume, fiber.resume]])
  `)
  .toString();
