/** Lua 5.4: closures, coroutines, errors through longjmp. */
import { LuaFactory } from "wasmoon";

const lua = await new LuaFactory().createEngine();
export const result = String(
  await lua.doString(`
    local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
    local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end)
    local ok, message = pcall(function() error("thrown") end)
    local parts = {}
    for word in string.gmatch(string.rep("one two ", 500), "%a+") do parts[#parts + 1] = word:upper() end
    return fib(23) .. " " .. co() .. co() .. co() .. " " .. tostring(ok) .. " " .. message .. " " .. #table.concat(parts)
  `),
);
