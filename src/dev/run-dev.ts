/** The life of a developer's session: open the project, the playground and the terminal, serve until it is enough. */

import type { Settings } from "../agent/settings.ts";
import { StopRequest } from "../agent/stop-request.ts";
import { SocketError } from "../socket/socket-error.ts";
import { DevLog } from "./dev-log.ts";
import { openProject, ProjectError } from "./dev-project.ts";
import { DevSession } from "./dev-session.ts";
import type { DevSettings } from "./dev-settings.ts";
import { PlaygroundError, PlaygroundServer } from "./playground-server.ts";
import { type DevKey, readDevKeys } from "./screen/dev-keys.ts";
import { DevScreen } from "./screen/dev-screen.ts";
import type { Paint } from "./screen/paint.ts";

export interface DevTerminal {
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly isTerminal: boolean;
  readonly paint: Paint;
}

const EXIT_OK = 0;
const EXIT_UNUSABLE = 2;
const DEFAULT_COLUMNS = 100;

/**
 * @param agentSettings how the module is served; which module is decided here
 * @returns the exit code. What cannot be used is one sentence and the code 2.
 */
export async function runDev(
  settings: DevSettings,
  agentSettings: Settings,
  terminal: DevTerminal,
): Promise<number> {
  try {
    return await serve(settings, agentSettings, terminal);
  } catch (error) {
    if (
      !(error instanceof ProjectError || error instanceof PlaygroundError || error instanceof SocketError)
    ) {
      throw error;
    }
    terminal.writeError(`sentinel-wasm-agent: ${error.message} (${error.code})\n`);
    return EXIT_UNUSABLE;
  }
}

async function serve(settings: DevSettings, agentSettings: Settings, terminal: DevTerminal): Promise<number> {
  const project = openProject(settings);
  const stop = new StopRequest(new DevLog(() => {}));
  const session = new DevSession({
    project,
    settings: agentSettings,
    onNameLost: () => stop.request("another agent took over the socket"),
  });
  let closeScreen = () => {};
  let playground: PlaygroundServer | null = null;
  try {
    playground = await PlaygroundServer.open(session, settings.port);
    closeScreen = openScreen(session, playground.link, terminal, stop);
    await session.start();
    await stop.requested;
    return EXIT_OK;
  } finally {
    closeScreen();
    await session.close();
    await playground?.close();
  }
}

/** Returns what gives the terminal back. */
function openScreen(session: DevSession, link: string, terminal: DevTerminal, stop: StopRequest): () => void {
  const screen = new DevScreen({
    session,
    write: terminal.write,
    columns: terminal.isTerminal ? () => process.stdout.columns || DEFAULT_COLUMNS : null,
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
  const close = () => {
    releaseKeys();
    screen.close();
  };
  // A second signal ends the process at once; the terminal must not stay without its cursor.
  process.once("exit", close);
  return () => {
    process.off("exit", close);
    close();
  };
}

function openInBrowser(link: string): void {
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  if (Bun.which(opener) === null) return;
  Bun.spawn([opener, link], { stdio: ["ignore", "ignore", "ignore"] }).unref();
}
