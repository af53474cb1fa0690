// Artifacts: what the run's tools have stored, to be downloaded; never opened in the page.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { trouble } from "./frame.js";
import { count } from "./words.js";

const ENDINGS = { "application/json": ".json", "text/csv": ".csv", "text/plain": ".txt" };

/** The view: {node, update, opened}. */
export function artifacts(context) {
  const node = h("div", {}, h("p", { class: "loading" }, "Loading …"));
  let at = -1;
  let seq = 0;

  async function load() {
    if (at === seq) return;
    at = seq;
    try {
      const { artifacts: listed } = await get(`${context.path}/artifacts`, context.signal);
      put(node, listed.length ? table(listed) : h("div", { class: "empty" }, "The run has stored no files."));
    } catch (error) {
      put(node, trouble(error));
    }
  }

  function table(listed) {
    return h("div", { class: "panel scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "From"), h("th", { scope: "col" }, "Kind"), ["Rows", "Size"].map((t) => h("th", { scope: "col", class: "number" }, t)), h("th", { scope: "col" }, "Digest"))),
      h("tbody", {}, listed.map((a) => h("tr", {}, h("td", { class: "foreign" }, a.step ? `${a.step}${a.item ? `[${a.item}]` : ""}` : "the run"), h("td", { class: "foreign" }, a.media_type ?? ""), h("td", { class: "number" }, a.rows === null || a.rows === undefined ? "" : count(a.rows)), h("td", { class: "number" }, a.size === null || a.size === undefined ? "" : size(a.size)),
        h("td", {}, h("a", { href: `/console/api/${context.path}/artifacts/${encodeURIComponent(a.hash)}`, download: `${a.hash.slice(0, 16)}${ENDINGS[a.media_type] ?? ""}`, "aria-label": `Download ${a.hash.slice(0, 8)}` }, h("code", { title: a.hash }, a.hash.slice(0, 16)))))))));
  }

  return { node, update: (view) => { seq = view.seq; }, opened: load };
}

function size(bytes) {
  if (bytes < 1000) return `${count(bytes)} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
