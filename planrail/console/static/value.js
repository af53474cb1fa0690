// Value: a JSON value to be read: texts as text, records as fields, lists of records as tables. Long ones open in steps.

import { h, put } from "./dom.js";
import { count, plural, told } from "./words.js";

const ROWS = 50; // of a table at first
const COLUMNS = 12;
const TEXT = 4000; // characters of a text at first
const DEEPEST = 4;

/** Whatever it is. */
export function value(given, depth = 0) {
  if (given === null || given === undefined) return h("span", { class: "soft" }, "null");
  if (typeof given === "string") return text(given);
  if (typeof given !== "object") return h("span", { class: "mono" }, String(given));
  if (depth >= DEEPEST) return json(given);
  if (Array.isArray(given)) return list(given, depth);
  return record(given, depth);
}

/** A text as it is, in its own writing direction; of a long one the beginning, and the rest when it is asked for. */
export function text(given, most = TEXT) {
  const shown = h("div", { class: "foreign text" }, given.length > most ? `${given.slice(0, most)}…` : given);
  if (given.length <= most) return shown;
  const button = h("button", { type: "button", class: "quiet", on: { click: () => { put(shown, given); button.remove(); } } }, `Show all ${count(given.length)} characters`);
  return h("div", {}, shown, button);
}

/** JSON, indented. */
export function json(given, most = 20000) {
  const written = JSON.stringify(given, null, 2) ?? "null";
  const shown = h("pre", { class: "foreign json", tabindex: "0" }, written.length > most ? `${written.slice(0, most)}…` : written);
  if (written.length <= most) return shown;
  const button = h("button", { type: "button", class: "quiet", on: { click: () => { put(shown, written); button.remove(); } } }, `Show all ${count(written.length)} characters`);
  return h("div", {}, shown, button);
}

function list(given, depth) {
  if (given.length === 0) return h("span", { class: "soft" }, "an empty list");
  if (given.every(isRecord)) return table(given);
  const items = h("ol", { class: "values" });
  paged(items, given, (item) => h("li", {}, value(item, depth + 1)));
  return items.button ? h("div", {}, items, items.button) : items;
}

function isRecord(given) {
  return typeof given === "object" && given !== null && !Array.isArray(given) && Object.keys(given).length > 0;
}

function record(given, depth) {
  const names = Object.keys(given);
  if (names.length === 0) return h("span", { class: "soft" }, "an empty record");
  return h("dl", { class: "facts" }, names.slice(0, 200).map((name) => [h("dt", { class: "foreign" }, name), h("dd", {}, value(given[name], depth + 1))]),
    names.length > 200 ? [h("dt", {}), h("dd", { class: "soft" }, `and ${plural(names.length - 200, "field")} more`)] : null);
}

/** Records as rows, with the keys of the first ones as columns. */
export function table(records) {
  const columns = [...new Set(records.slice(0, ROWS).flatMap((r) => Object.keys(r)))];
  const shown = columns.slice(0, COLUMNS);
  const numeric = new Set(shown.filter((c) => records.slice(0, ROWS).every((r) => r[c] === null || r[c] === undefined || typeof r[c] === "number")));
  const body = h("tbody", {});
  paged(body, records, (r) => h("tr", {}, shown.map((c) => h("td", { class: numeric.has(c) ? "number" : "foreign" }, cell(r[c])))));
  const grid = h("table", {}, h("thead", {}, h("tr", {}, shown.map((c) => h("th", { scope: "col", class: numeric.has(c) ? "number foreign" : "foreign" }, c)))), body);
  return h("div", {}, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" }, grid),
    columns.length > COLUMNS ? h("p", { class: "soft small" }, `${plural(columns.length - COLUMNS, "column")} more: the JSON has all.`) : null, body.button ?? null);
}

function cell(given) {
  if (given === null || given === undefined) return "";
  return typeof given === "object" ? told(given, 300) : typeof given === "string" && given.length > 600 ? `${given.slice(0, 600)}…` : String(given);
}

/** Fill a parent with so many of the items, and keep a button in `parent.button` that adds more. */
function paged(parent, items, made) {
  let at = 0;
  const button = h("button", { type: "button", class: "quiet", on: { click: add } });
  function add() {
    parent.append(...items.slice(at, at + ROWS).map(made));
    at += ROWS;
    put(button, `Show ${count(Math.min(ROWS, items.length - at))} more of ${count(items.length)}`);
    if (at >= items.length) button.remove();
  }
  add();
  if (at < items.length) parent.button = button;
}
