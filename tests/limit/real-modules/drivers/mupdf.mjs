/** MuPDF: lays out HTML as pages, draws one, reads its text back. */
import * as mupdf from "mupdf";

const html = `<h1>Report</h1>${Array.from({ length: 200 }, (_, index) => `<p>Paragraph ${index} of <b>many</b>.</p>`).join("")}`;
const document = mupdf.Document.openDocument(new TextEncoder().encode(html), "text/html");
const page = document.loadPage(1);
const pixmap = page.toPixmap(mupdf.Matrix.scale(1, 1), mupdf.ColorSpace.DeviceRGB, false);
const text = page.toStructuredText().asText();
export const result = `${document.countPages()} ${Bun.hash(pixmap.asPNG())} ${Bun.hash(text)}`;
