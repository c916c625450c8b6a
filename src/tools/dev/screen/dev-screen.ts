/**
 * A session in the terminal: what happened scrolls by line by line, so that it can be searched and copied; on a terminal
 * a last line counts along. More events than an eye can follow are counted instead of shown.
 */

import { escapeInvisible } from "../../../telemetry/hostile-text.ts";
import { showBytes } from "../../show-bytes.ts";
import type { Notice } from "../dev-log.ts";
import type { DevSession, SessionListener } from "../dev-session.ts";
import type { EventRecord } from "../event-history.ts";
import type { Problem, SessionStatus } from "../page-messages.ts";
import { clockTime, decisionRow, tableHead } from "./decision-row.ts";
import { footer } from "./footer.ts";
import type { Paint } from "./paint.ts";
import { showMicroseconds } from "./show-duration.ts";

export interface DevScreenOptions {
  readonly session: DevSession;
  readonly write: (text: string) => void;
  /** Null where there is no terminal: then nothing is ever drawn over. */
  readonly columns: (() => number) | null;
  /** Whether keys are read; the last line names them then. */
  readonly hasKeys: boolean;
  readonly paint: Paint;
}

const DRAW_MS = 100;
const MAX_ROWS_A_DRAW = 5;
const PLAIN_COLUMNS = 160;
const CLEAR_BELOW = "\r\x1b[J";
const CLEAR_SCREEN = "\x1b[2J\x1b[3J\x1b[H";
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const MAX_PROBLEM_LINES = 40;
/** A latency that is older says nothing any more. */
const LATENCY_SECONDS = 10;

export class DevScreen implements SessionListener {
  readonly #options: DevScreenOptions;
  readonly #paint: Paint;
  readonly #timer: ReturnType<typeof setInterval>;
  #waiting: EventRecord[] = [];
  #skipped = 0;
  #hasHead = false;
  #lastFooter = "";
  #isClosed = false;
  #shown: {
    readonly phase: SessionStatus["phase"] | null;
    readonly sha256: string | null;
    readonly problem: Problem | null;
  } = {
    phase: null,
    sha256: null,
    problem: null,
  };

  constructor(options: DevScreenOptions) {
    this.#options = options;
    this.#paint = options.paint;
    if (options.columns !== null) options.write(HIDE_CURSOR);
    this.#timer = setInterval(() => this.#draw(), DRAW_MS);
  }

  /** What a session is reached by, said once at its start. */
  showWelcome(link: string): void {
    const { status } = this.#options.session;
    const facts: [string, string][] = [
      ["Project", status.project],
      ["Build", status.buildCommand ?? "none: the module is watched alone"],
      ["Socket", status.socketPath],
      ["Playground", this.#paint("cyan", link)],
    ];
    const lines = facts.map(([name, value]) => `  ${this.#paint("dim", name.padEnd(11))} ${value}`);
    this.#print(["", ...lines, ""]);
  }

  clear(): void {
    if (this.#options.columns === null) return;
    this.#hasHead = false;
    this.#options.write(CLEAR_SCREEN);
    this.#lastFooter = "";
    this.#draw();
  }

  /** The last line goes, the cursor comes back, and nothing is drawn any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#draw();
    this.#isClosed = true;
    clearInterval(this.#timer);
    if (this.#options.columns !== null) this.#options.write(`${this.#eraseFooter()}${SHOW_CURSOR}`);
  }

  onStatus(status: SessionStatus, reason: string): void {
    const { phase, sha256, problem } = this.#shown;
    this.#shown = { phase: status.phase, sha256: status.module?.sha256 ?? null, problem: status.problem };
    if (status.phase === "building") {
      this.#say("cyan", "building", reason === "start" ? "" : reason);
      return;
    }
    if (status.problem !== null) {
      if (status.problem === problem) return;
      this.#sayProblem(status.problem, status);
      return;
    }
    if (status.phase !== "serving" || status.module === null) return;
    const isNew = sha256 !== status.module.sha256;
    // A look at the module file that found nothing new is no news.
    if (!isNew && phase === "serving") return;
    const built =
      phase === "building" && status.buildMs !== null
        ? `, built in ${showMicroseconds(status.buildMs * 1000)}`
        : "";
    const { file, sizeBytes, sha256: now } = status.module;
    const swapped =
      sha256 === null
        ? `${now.slice(0, 8)}`
        : isNew
          ? `${sha256.slice(0, 8)} → ${now.slice(0, 8)}`
          : `${now.slice(0, 8)}, unchanged`;
    this.#say("green", "serving", `${file}, ${showBytes(sizeBytes)}, ${swapped}${built}`);
  }

  onEvent(record: EventRecord): void {
    if (this.#waiting.length < MAX_ROWS_A_DRAW) this.#waiting.push(record);
    else this.#skipped++;
  }

  onNotice(notice: Notice): void {
    const fields = Object.entries(notice.fields).map(
      ([name, value]) => `${name}=${escapeInvisible(String(value))}`,
    );
    const style = notice.level === "error" ? "red" : notice.level === "warn" ? "yellow" : "dim";
    this.#say(style, notice.level, [notice.message, ...fields].join("  "));
  }

  #sayProblem(problem: Problem, status: SessionStatus): void {
    this.#say("red", problem.stage === "build" ? "build failed" : "not loaded", problem.title);
    const lines = problem.text.split("\n");
    const hidden = lines.length - MAX_PROBLEM_LINES;
    const shown = lines
      .slice(0, MAX_PROBLEM_LINES)
      .map((line) => `  ${this.#paint("red", "│")} ${escapeInvisible(line.replaceAll("\t", "    "))}`);
    if (hidden > 0)
      shown.push(`  ${this.#paint("dim", `│ ${hidden} more lines, all of them in the playground`)}`);
    const rest =
      status.module === null
        ? "Nothing is served until this is solved."
        : `Still serving ${status.module.sha256.slice(0, 8)}.`;
    this.#print([...shown, `  ${this.#paint("dim", rest)}`]);
    this.#hasHead = false;
  }

  #say(style: Parameters<Paint>[0], word: string, text: string): void {
    const padded = text === "" ? word : `${word.padEnd(12)}  `;
    this.#print([`${this.#paint("dim", clockTime(Date.now()))}  ${this.#paint(style, padded)}${text}`]);
  }

  #draw(): void {
    const columns = this.#columns();
    const lines = this.#waiting.flatMap((record) => decisionRow(record, columns, this.#paint));
    if (lines.length > 0 && !this.#hasHead) {
      lines.unshift(tableHead(this.#paint));
      this.#hasHead = true;
    }
    if (this.#skipped > 0) {
      lines.push(
        this.#paint("dim", `          and ${this.#skipped.toLocaleString("en")} more events in this moment`),
      );
    }
    this.#waiting = [];
    this.#skipped = 0;
    this.#print(lines);
  }

  /** Writes lines above the footer, and the footer when it has changed. */
  #print(lines: readonly string[]): void {
    if (this.#isClosed) return;
    const text = lines.map((line) => `${line}\n`).join("");
    if (this.#options.columns === null) {
      if (text !== "") this.#options.write(text);
      return;
    }
    const erase = this.#eraseFooter();
    const next = this.#footer();
    if (text === "" && next === this.#lastFooter) return;
    this.#lastFooter = next;
    this.#options.write(`${erase}${text}${next}`);
  }

  /** A terminal that was made narrower has wrapped the last line into several. */
  #eraseFooter(): string {
    const rows = Math.ceil(Bun.stringWidth(this.#lastFooter) / this.#columns());
    return `${"\x1b[A".repeat(Math.max(0, rows - 1))}${CLEAR_BELOW}`;
  }

  #footer(): string {
    const { traffic } = this.#options.session;
    const latency = traffic.since(Math.floor(Date.now() / 1000) - LATENCY_SECONDS).at(-1) ?? null;
    const { hasKeys } = this.#options;
    // The last column stays free: writing there makes some terminals go to the next line.
    return footer({ totals: traffic.totals, latency, hasKeys }, this.#columns() - 1, this.#paint);
  }

  #columns(): number {
    return this.#options.columns?.() ?? PLAIN_COLUMNS;
  }
}
