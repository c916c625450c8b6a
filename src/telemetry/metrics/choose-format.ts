/** Which format a scraper gets, by its `Accept` header (https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1). */

import { type MetricsFormat, OPEN_METRICS, TEXT_FORMAT } from "./text-format.ts";

const OPEN_METRICS_TYPE = "application/openmetrics-text";
const SUPPORTED_VERSION = /^1\.0\.\d+$/;

interface AcceptedType {
  readonly type: string;
  readonly version: string | null;
  readonly quality: number;
}

/** OpenMetrics only for those who name it and prefer it to plain text; everybody else reads the older format. */
export function chooseFormat(accept: string | null): MetricsFormat {
  const accepted = (accept ?? "").split(",").map(readType);
  const open = best(
    accepted,
    ({ type, version }) =>
      type === OPEN_METRICS_TYPE && (version === null || SUPPORTED_VERSION.test(version)),
  );
  const text = best(accepted, ({ type }) => type === "text/plain");
  return open > 0 && open >= text ? OPEN_METRICS : TEXT_FORMAT;
}

function best(accepted: readonly AcceptedType[], matches: (one: AcceptedType) => boolean): number {
  return Math.max(0, ...accepted.filter(matches).map(({ quality }) => quality));
}

function readType(text: string): AcceptedType {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const value = (name: string) =>
    parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
  const quality = Number(value("q") ?? "1");
  return { type, version: value("version"), quality: Number.isNaN(quality) ? 0 : quality };
}
