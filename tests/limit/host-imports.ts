/** What the random modules import: the other half of the list in `tools/src/bin/random-modules.rs`. */

/** Every call appends a line to `calls`, so that two runs can be compared by what they asked of the host. */
export function hostImports(calls: string[]): Bun.WebAssembly.Imports {
  return {
    host: {
      nothing: () => {
        calls.push("nothing");
      },
      number: (value: number) => {
        calls.push(`number ${value}`);
        return (Math.imul(value, 31) + 7) | 0;
      },
      wide: (integer: bigint, float: number) => {
        calls.push(`wide ${integer} ${float}`);
        return BigInt.asIntN(64, integer * 31n + 7n);
      },
      pair: (float: number, integer: number) => {
        calls.push(`pair ${float} ${integer}`);
        return [integer ^ 1, float * 0.5];
      },
      fail: (value: number) => {
        calls.push(`fail ${value}`);
        if (value % 3 !== 0) {
          throw new Error(`the host failed on ${value}`);
        }
      },
      constant: new WebAssembly.Global({ value: "i32", mutable: false }, 42),
      variable: new WebAssembly.Global({ value: "i64", mutable: true }, 7n),
    },
  };
}
