// Cost: what the run took, by model and by step, how near its ceilings it came, and what ReAct would have taken.

import { h, put } from "./dom.js";
import { count, dollars, plural, seconds, tokens } from "./words.js";

const TOP = 12;

/** The view: {node, update}. */
export function cost() {
  const node = h("div", {});
  let shown = "";

  function update(view) {
    const key = JSON.stringify([view.cost, view.ceiling_use]);
    if (key === shown) return;
    shown = key;
    put(node, beside(view.cost), models(view.cost), ceilings(view.ceiling_use), dearest(view));
  }

  return { node, update };
}

function bars(rows, word) {
  const most = Math.max(...rows.map(([, n]) => n), 0);
  return h("div", { class: "bars" }, rows.map(([name, number, kind]) => h("div", { class: "bar-row" }, h("span", {}, name), h("span", { class: "bar-track", "aria-hidden": "true" }, h("i", { class: kind, style: { width: most ? `max(2px, ${(100 * number) / most}%)` : "0" } })), h("span", { class: "bar-end" }, word(number)))));
}

function beside(spent) {
  const react = spent.react;
  if (!react) return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Beside ReAct")), h("p", { class: "body soft" }, "What a loop would have taken for the same calls is worked out once the run is over."));
  const own = tokens(spent.usage);
  const theirs = tokens(react);
  const share = own && theirs ? `${((100 * own) / theirs).toFixed(own * 10 < theirs ? 1 : 0)} % of it` : "nothing of it";
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Beside ReAct"), h("span", { class: "soft small" }, `this run took ${share}`)),
    h("div", { class: "body" }, h("h3", {}, "Tokens"), bars([["This run", own, "own"], ["ReAct, about", theirs, "other"]], count),
      react.usd !== null && react.usd !== undefined ? [h("h3", {}, "Cost"), bars([["This run", spent.usage.usd, "own"], [`ReAct with ${react.model}`, react.usd, "other"]], dollars)] : null,
      h("p", { class: "soft small" }, `ReAct asks a model after every call and reads everything again: about ${count(react.input_tokens)} tokens read and ${count(react.output_tokens)} written in ${plural(react.turns, "turn")}, for the same ${plural(react.calls, "call")}.`)));
}

function models(spent) {
  if (!spent.by_model.length) return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "By model")), h("p", { class: "body soft" }, `No model was asked. ${plural(spent.tool_calls, "tool call")}, ${dollars(spent.usage.usd)}.`));
  const rows = spent.by_model.map((m) => [m.model || "tools", m.usage]);
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "By model"), spent.unused ? h("span", { class: "soft small" }, `${plural(spent.unused, "read")} made ahead and not used`) : null),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Model"), ["Calls", "Read", "Cached", "Written", "Cost"].map((t) => h("th", { scope: "col", class: "number" }, t)))),
      h("tbody", {}, rows.map(([name, u]) => h("tr", {}, h("th", { scope: "row", class: "foreign" }, name), [count(u.model_calls), count(u.input_tokens), count(u.cached_input_tokens), count(u.output_tokens), dollars(u.usd)].map((t) => h("td", { class: "number" }, t))))))));
}

function ceilings(used) {
  if (!used.length) return null;
  const word = { usd: dollars, seconds };
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Ceilings")), h("div", { class: "body bars" }, used.map((u) => h("div", { class: "bar-row" }, h("span", {}, u.ceiling.replaceAll("_", " ")),
    h("span", { class: "bar-track", "aria-hidden": "true" }, h("i", { class: u.used / u.limit >= 0.8 ? "near" : "own", style: { width: `${Math.min((100 * u.used) / (u.limit || 1), 100)}%` } })), h("span", { class: "bar-end" }, `${(word[u.ceiling] ?? count)(u.used)} of ${(word[u.ceiling] ?? count)(u.limit)}`)))));
}

function dearest(view) {
  const planner = view.planner.reduce((sum, p) => sum + tokens(p.usage), 0) + tokens(view.looked.usage);
  const rows = [...(planner ? [["the plan", planner, "own"]] : []), ...view.steps.filter((s) => tokens(s.usage)).map((s) => [s.id, tokens(s.usage), "own"])].sort((a, b) => b[1] - a[1]).slice(0, TOP);
  return rows.length ? h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Where the tokens went")), h("div", { class: "body" }, bars(rows, count))) : null;
}
