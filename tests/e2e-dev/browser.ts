/** Debian's Chromium, without a window, on the playground's page. Every wait is bounded. */

import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
const LAUNCH_MS = 60_000;
const WAIT_MS = 30_000;

/** Why there is no browser to test with; null when there is one. */
export const NO_BROWSER: string | null = existsSync(CHROMIUM) ? null : `there is no ${CHROMIUM}`;

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
}

export function openBrowser(): Promise<Browser> {
  // Containers rarely allow the browser's own sandbox; it sees nothing but our page.
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: LAUNCH_MS });
}

/** A page of its own, with what it complains about. */
export class WatchedPage implements AsyncDisposable {
  readonly page: Page;
  /** Errors of the console, uncaught ones, and requests to anywhere else than the page's own origin. */
  readonly complaints: string[] = [];

  private constructor(page: Page, origin: string) {
    this.page = page;
    page.setDefaultTimeout(WAIT_MS);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin) this.complaints.push(`asked ${request.url()}`);
    });
  }

  static async open(browser: Browser, link: string, options: PageOptions = {}): Promise<WatchedPage> {
    const { width = 1280, height = 900, scheme = "light" } = options;
    const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
    const watched = new WatchedPage(page, new URL(link).origin);
    await page.goto(link);
    return watched;
  }

  /** How many pixels the page is wider than its window. */
  overflow(): Promise<number> {
    // As text: here, unlike in the page, the compiler knows of no document.
    return this.page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
  }

  /** Texts in sight with less contrast than WCAG's AA asks for. */
  faintTexts(): Promise<readonly string[]> {
    return this.page.evaluate<string[]>(FAINT_TEXTS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }
}

/**
 * Walks over the page's texts and compares each one's colour with the nearest ground behind it. A canvas turns any colour
 * that style sheets can write into red, green and blue.
 */
const FAINT_TEXTS = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const pixel = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = pixel(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.data.trim();
    if (text === "" || !element.checkVisibility() || element.closest(".hidden, .skip, :disabled") !== null) continue;
    const style = getComputedStyle(element);
    const colour = pixel(element instanceof SVGElement ? style.fill : style.color);
    const [light, dark] = [luminance(colour), luminance(groundOf(element))].sort((a, b) => b - a);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < (isLarge ? 3 : 4.5)) faint.add(text.slice(0, 40) + ": " + ratio.toFixed(2));
  }
  return [...faint];
})()`;
