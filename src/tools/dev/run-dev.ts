/** The life of a developer's session: open the project, the playground and the terminal, serve until it is enough. */

import type { Settings } from "../../agent/settings.ts";
import { StopRequest } from "../../agent/stop-request.ts";
import { prepareSocketPath } from "../../transport/uds/socket-path.ts";
import { DevLog } from "./dev-log.ts";
import { openProject } from "./dev-project.ts";
import { DevSession } from "./dev-session.ts";
import type { DevSettings } from "./dev-settings.ts";
import { PlaygroundServer } from "./playground-server.ts";
import { type DevKey, readDevKeys } from "./screen/dev-keys.ts";
import { DevScreen } from "./screen/dev-screen.ts";
import type { Paint } from "./screen/paint.ts";

export interface DevTerminal {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly paint: Paint;
}

const EXIT_OK = 0;
const DEFAULT_COLUMNS = 100;

/**
 * @param agentSettings how the module is served; which module is decided here
 * @returns the exit code
 * @throws ProjectError, PlaygroundError, SocketError
 */
export async function runDev(
  settings: DevSettings,
  agentSettings: Settings,
  terminal: DevTerminal,
): Promise<number> {
  const project = openProject(settings);
  // A build may take minutes: what is wrong with the socket should be said before it.
  await prepareSocketPath(agentSettings.socketPath, agentSettings.takeover);
  const stop = new StopRequest(new DevLog(() => {}));
  stop.listen();
  process.once("SIGHUP", () => stop.request("the terminal was closed"));
  const session = new DevSession({
    project,
    settings: agentSettings,
    onNameLost: () => stop.request("another agent took over the socket"),
  });
  let screen: OpenScreen | null = null;
  let playground: PlaygroundServer | null = null;
  try {
    playground = await PlaygroundServer.open(session, settings.port);
    screen = openScreen(session, playground.link, terminal, stop);
    // The first build may still be running when it is enough.
    await Promise.race([session.start().then(() => stop.requested), stop.requested]);
    return EXIT_OK;
  } finally {
    // From here on the terminal makes a signal of Ctrl-C again, and a second one ends the process at once.
    screen?.releaseKeys();
    await session.close();
    await playground?.close();
    screen?.close();
  }
}

interface OpenScreen {
  releaseKeys(): void;
  close(): void;
}

function openScreen(session: DevSession, link: string, terminal: DevTerminal, stop: StopRequest): OpenScreen {
  const screen = new DevScreen({
    session,
    write: terminal.write,
    columns: terminal.isTerminal ? () => process.stdout.columns || DEFAULT_COLUMNS : null,
    hasKeys: terminal.isTerminal && process.stdin.isTTY,
    paint: terminal.paint,
  });
  session.listen(screen);
  screen.showWelcome(link);
  const actions: Record<DevKey, () => void> = {
    open: () => openInBrowser(link),
    rebuild: () => void session.request("asked for at the keyboard", true).catch(() => {}),
    clear: () => {
      screen.clear();
      screen.showWelcome(link);
    },
    quit: () => stop.request("asked for at the keyboard"),
  };
  const releaseKeys = terminal.isTerminal ? readDevKeys(process.stdin, (key) => actions[key]()) : () => {};
  const giveBack = () => {
    releaseKeys();
    screen.close();
  };
  // However the process ends, the terminal must not stay without its cursor.
  process.once("exit", giveBack);
  return {
    releaseKeys,
    close: () => {
      process.off("exit", giveBack);
      giveBack();
    },
  };
}

function openInBrowser(link: string): void {
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  if (Bun.which(opener) === null) return;
  Bun.spawn([opener, link], { stdio: ["ignore", "ignore", "ignore"] }).unref();
}
