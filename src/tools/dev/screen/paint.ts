/** How the screen is given its colours; without colours, text comes out as it went in. */

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
export type Paint = (style: Style, text: string) => string;
