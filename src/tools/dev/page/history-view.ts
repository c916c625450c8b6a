/** Events from the socket as a table, newest first. */

import type { EventRow } from "../page-messages.ts";
import { showMicroseconds } from "../screen/show-duration.ts";
import { byId, element } from "./make-element.ts";

const MAX_ROWS = 300;
/** Shown until somebody asks for all. */
const FEW_ROWS = 20;

export class HistoryView {
  readonly #table = byId("history", HTMLTableElement);
  readonly #body = byId("rows", HTMLTableSectionElement);
  readonly #empty = byId("history-empty", HTMLElement);
  readonly #filter = byId("filter", HTMLSelectElement);
  readonly #pause = byId("pause", HTMLButtonElement);
  readonly #more = byId("more", HTMLButtonElement);
  /** Oldest first. */
  #rows: EventRow[] = [];
  #held = 0;
  #shownRows = FEW_ROWS;
  #socketPath = "";

  /** @param onReplay a row was chosen */
  constructor(onReplay: (row: EventRow) => void) {
    this.#filter.addEventListener("change", () => this.#draw());
    this.#pause.addEventListener("click", () => this.#setPaused(!this.#isPaused));
    this.#more.addEventListener("click", () => {
      this.#shownRows = MAX_ROWS;
      this.#draw();
    });
    this.#body.addEventListener("click", (event) => {
      if (!(event.target instanceof Element)) return;
      const id = Number(event.target.closest("tr")?.dataset["id"]);
      const row = this.#rows.find((candidate) => candidate.id === id);
      if (row?.isKept) onReplay(row);
    });
    this.#body.addEventListener("keydown", (event) => this.#moveFocus(event));
  }

  set socketPath(path: string) {
    this.#socketPath = path;
    this.#showCount();
  }

  reset(rows: readonly EventRow[]): void {
    this.#rows = [...rows];
    this.#draw();
  }

  add(rows: readonly EventRow[]): void {
    this.#rows.push(...rows);
    if (this.#rows.length > MAX_ROWS) this.#rows.splice(0, this.#rows.length - MAX_ROWS);
    if (this.#isPaused) {
      this.#held += rows.length;
      this.#pause.textContent = `Resume (${this.#held})`;
      return;
    }
    const fresh = rows.filter((row) => this.#isWanted(row)).map(tableRow);
    this.#body.prepend(...fresh.toReversed());
    while (this.#body.rows.length > this.#shownRows) this.#body.deleteRow(-1);
    this.#showCount();
  }

  /** Marks the row whose event stands in the form; null marks none. */
  mark(id: number | null): void {
    for (const row of this.#body.rows) row.classList.toggle("chosen", Number(row.dataset["id"]) === id);
  }

  get #isPaused(): boolean {
    return this.#pause.getAttribute("aria-pressed") === "true";
  }

  #setPaused(isPaused: boolean): void {
    this.#pause.setAttribute("aria-pressed", String(isPaused));
    this.#pause.textContent = isPaused ? "Resume" : "Pause";
    this.#held = 0;
    if (!isPaused) this.#draw();
  }

  #draw(): void {
    const wanted = this.#rows.filter((row) => this.#isWanted(row)).slice(-this.#shownRows);
    this.#body.replaceChildren(...wanted.map(tableRow).toReversed());
    this.#showCount();
  }

  #showCount(): void {
    const isEmpty = this.#body.rows.length === 0;
    this.#table.hidden = isEmpty;
    this.#empty.hidden = !isEmpty;
    const hidden = this.#rows.filter((row) => this.#isWanted(row)).length - this.#body.rows.length;
    this.#more.hidden = hidden <= 0 || this.#isPaused;
    this.#more.textContent = `Show ${hidden} older`;
    if (!isEmpty) return;
    this.#empty.textContent =
      this.#rows.length > 0
        ? "No event of this kind among the last ones."
        : `None yet. Point a proxy at ${this.#socketPath}, and its events appear here.`;
  }

  #isWanted(row: EventRow): boolean {
    if (this.#filter.value === "failed") return row.failureCode !== null;
    return this.#filter.value === "all" || row.decision !== "allow" || row.failureCode !== null;
  }

  #moveFocus(event: KeyboardEvent): void {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const buttons: (Element | null)[] = [...this.#body.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const next = buttons[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (at === -1 || !(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.focus();
  }
}

function tableRow(row: EventRow): HTMLTableRowElement {
  const time = new Date(row.atMs).toTimeString().slice(0, 8);
  const verdict = row.failureCode === null ? `${row.decision} ${row.status ?? ""}`.trim() : "failed";
  const made = element(
    "tr",
    { class: row.failureCode === null ? row.decision : "failed" },
    element("td", { class: "time" }, time),
    element("td", { class: "verdict" }, verdict),
    element("td", { class: "number" }, showMicroseconds(row.us)),
    element("td", { class: "event" }, eventCell(row, time)),
    element("td", { class: "notes" }, notesOf(row)),
  );
  made.dataset["id"] = String(row.id);
  return made;
}

function eventCell(row: EventRow, time: string): Node {
  if (!row.isKept) return element("span", { title: "not kept, so it cannot be replayed" }, row.title);
  const label = `Replay ${row.title} of ${time}`;
  return element(
    "button",
    { title: row.title, attributes: { type: "button", "aria-label": label } },
    row.title,
  );
}

function notesOf(row: EventRow): string {
  if (row.failureCode !== null) return row.failureCode;
  const changes =
    row.headerChanges === 0 ? [] : [row.headerChanges === 1 ? "1 header" : `${row.headerChanges} headers`];
  return [...row.effects, ...row.tags, ...changes].join(", ");
}
