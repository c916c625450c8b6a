/**
 * A relay between proxy and agent that keeps what the agent says. Some things cannot be told from the client's side: a
 * header that is set twice looks as if it was set once.
 */

import { createServer, connect, type Server, type Socket } from "node:net";

export class AnswerTap implements Disposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #answers = "";

  private constructor(agentPath: string) {
    this.#server = createServer((proxy) => this.#relay(proxy, connect(agentPath)));
  }

  static async open(path: string, agentPath: string): Promise<AnswerTap> {
    const tap = new AnswerTap(agentPath);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    tap.#server.once("error", reject);
    tap.#server.listen(path, resolve);
    await promise;
    return tap;
  }

  /** Everything the agent has sent so far, on all connections, frame heads included. */
  answers(): string {
    return this.#answers;
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #relay(proxy: Socket, agent: Socket): void {
    agent.on("data", (chunk) => {
      this.#answers += String(chunk);
    });
    for (const [from, to] of [
      [proxy, agent],
      [agent, proxy],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => this.#sockets.delete(from));
      from.pipe(to);
    }
  }
}
