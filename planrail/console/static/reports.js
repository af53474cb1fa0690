// Reports: evaluations that were kept: quality, time and cost of a suite, case by case.

import { h } from "./dom.js";
import { sheet } from "./frame.js";
import { ago, count, dollars, seconds } from "./words.js";

/** The page of all reports. */
export function reports() {
  return sheet("Evaluations", "What planrail eval has measured and left here.", "reports", (told) => {
    const listed = told.reports ?? told;
    if (!listed.length) return h("div", { class: "empty" }, h("h2", {}, "No report is kept"), h("p", {}, h("code", {}, "planrail eval suite.yaml")));
    return h("ul", { class: "panel" }, listed.map((r) => h("li", {}, h("a", { class: "row report-row", href: `/console/reports/${encodeURIComponent(r.name)}`, "data-row": true },
      h("span", {}, r.passed === undefined ? "" : verdict(r.passed)), h("div", {}, h("div", { class: "name foreign" }, r.suite ?? r.name), h("div", { class: "under" }, r.name)), h("span", { class: "end" }, r.quality === undefined ? "" : percent(r.quality)), h("span", { class: "end" }, ""), h("span", { class: "end" }, ago(r.at ?? r.modified_at))))));
  });
}

/** The page of one report. */
export function report(name) {
  return sheet(name, "", `reports/${encodeURIComponent(name)}`, (told) => {
    const r = told.report ?? told;
    const passed = (r.regressions ?? []).length === 0;
    return h("div", {}, h("p", {}, verdict(passed)),
      r.regressions?.length ? h("ul", { class: "panel troubles" }, r.regressions.map((x) => h("li", { class: "foreign" }, h("span", { class: "is-failed" }, "✗ "), `${x.case ? `${x.case}: ` : ""}${x.what}: ${x.now}, allowed ${x.most} (${x.why})`))) : null,
      h("div", { class: "panel scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Case"), ["Trials", "Quality", "p95", "Cost", "Tokens"].map((t) => h("th", { scope: "col", class: "number" }, t)))),
        h("tbody", {}, Object.entries({ ...r.cases, "all together": r.summary }).map(([of, s]) => h("tr", {}, h("th", { scope: "row", class: "foreign" }, of), [count(s.trials ?? 0), percent(s.quality), seconds(s.p95_s ?? 0), dollars(s.usd ?? 0), count(Math.round(s.tokens ?? 0))].map((t) => h("td", { class: "number" }, t))))))));
  });
}

function verdict(passed) {
  return h("span", { class: `pill is-${passed ? "done" : "failed"}` }, h("span", { class: "glyph", "aria-hidden": "true" }, passed ? "✓" : "✗"), passed ? "passed" : "regressed");
}

function percent(share) {
  return `${Math.round(100 * (share ?? 0))} %`;
}
