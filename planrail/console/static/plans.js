// Plans: scripts that ran well so often that goals of the same form take them without a model.

import { h } from "./dom.js";
import { sheet } from "./frame.js";
import { ago, count } from "./words.js";

/** The page. */
export function plans() {
  return sheet("Kept plans", "A plan that ran well three times is kept: goals of its form are run by it, and no planner is asked.", "plans", (told) => {
    const listed = told.plans ?? told;
    if (!listed.length) return h("div", { class: "empty" }, h("h2", {}, "No plan is kept yet"), h("p", {}, "Plans that a model wrote are kept after three good runs."));
    return h("div", { class: "panel scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Goal"), ["Good runs", "Taken", "Tokens saved"].map((t) => h("th", { scope: "col", class: "number" }, t)), h("th", { scope: "col" }, "Last used"), h("th", { scope: "col" }, "Doubt"))),
      h("tbody", {}, listed.map((p) => h("tr", {}, h("td", {}, h("div", { class: "foreign" }, form(p)), h("code", { class: "soft small" }, p.id ?? p.template?.id ?? "")), [p.runs, p.hits, p.saved].map((n) => h("td", { class: "number" }, count(n ?? 0))), h("td", {}, ago(p.used_at)), h("td", { class: "foreign soft" }, p.doubt ?? ""))))));
  });
}

function form(kept) {
  const given = kept.goal ?? kept.template?.goal ?? kept.template?.form ?? "";
  return typeof given === "string" ? given : JSON.stringify(given);
}
