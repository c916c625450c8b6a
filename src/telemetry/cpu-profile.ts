/**
 * Takes a CPU profile of this thread, in the form that the Chrome and Firefox developer tools and speedscope open
 * (https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile). The engine tells functions of guests
 * by name where the module has a name section, and else by number; here they get the names that trap reports have.
 */

export interface ProfiledModule {
  readonly moduleName: string;
  /** Of a function of the module that runs, by its index there; undefined without a name. */
  functionName(index: number): string | undefined;
  /** Names of functions of the agent that call WebAssembly of the agent's own, which is no guest. */
  readonly ownCallers: ReadonlySet<string>;
}

interface CallFrame {
  functionName: string;
  url: string;
}

/** A function in a call tree: the same one is there once for each way to it. */
interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
}

const SAMPLE_EVERY_US = 500;
const OWN_MODULE = "agent";
const WASM_FRAME = /^\.wasm-function\[(.*)\]$/;

/** Loading the profiler holds the thread for some tens of milliseconds, the first time. One at a time. */
export async function takeCpuProfile(seconds: number, module: ProfiledModule): Promise<string> {
  const { Session } = await import("node:inspector");
  const session = new Session();
  const post = (method: string, parameters: object = {}): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    session.post(method, parameters, (error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
    return promise;
  };
  session.connect();
  try {
    await post("Profiler.enable");
    await post("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
    await post("Profiler.start");
    await Bun.sleep(seconds * 1000);
    const { profile } = (await post("Profiler.stop")) as { readonly profile: Profile };
    nameGuestFunctions(profile, module);
    return JSON.stringify(profile);
  } finally {
    session.disconnect();
  }
}

/** In place. The first node is the root. */
export function nameGuestFunctions({ nodes }: Profile, module: ProfiledModule): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const [root] = nodes;
  if (root === undefined) return;
  /** With each, whether the WebAssembly that it calls is a guest's. */
  const waiting: [ProfileNode, boolean][] = [[root, true]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [{ callFrame, children = [] }, isGuest] = next;
    const label = WASM_FRAME.exec(callFrame.functionName)?.[1];
    const callsGuest = label === undefined ? !module.ownCallers.has(callFrame.functionName) : isGuest;
    if (label !== undefined) nameFrame(callFrame, label, isGuest, module);
    for (const id of children) {
      const child = byId.get(id);
      if (child !== undefined) waiting.push([child, callsGuest]);
    }
  }
}

/** `label`: the function's name where its module has a name section, or else its index. */
function nameFrame(callFrame: CallFrame, label: string, isGuest: boolean, module: ProfiledModule): void {
  const isIndex = /^\d+$/.test(label);
  const name = isIndex && isGuest ? module.functionName(Number(label)) : undefined;
  callFrame.functionName = name ?? (isIndex ? `function ${label}` : label);
  callFrame.url = `wasm://${isGuest ? module.moduleName : OWN_MODULE}`;
}
