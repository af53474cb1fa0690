// Schedules: what is submitted again and again.

import { h } from "./dom.js";
import { sheet } from "./frame.js";
import { moment, until } from "./words.js";

/** The page. */
export function schedules() {
  return sheet("Schedules", "Goals that are submitted by the clock. The command line adds and removes them: planrail schedule.", "schedules", (told) => {
    const listed = told.schedules ?? told;
    if (!listed.length) return h("div", { class: "empty" }, h("h2", {}, "Nothing is scheduled"), h("p", {}, h("code", {}, "planrail schedule add \"0 7 * * *\" \"Go through what came in after hours\"")));
    return h("div", { class: "panel scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Name", "Goal", "When", "Next", "Last"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, listed.map((s) => h("tr", {}, h("th", { scope: "row", class: "foreign" }, s.name), h("td", { class: "foreign" }, s.goal ?? s.submission?.goal ?? ""), h("td", {}, h("code", {}, s.cron), h("div", { class: "soft small" }, s.zone)), h("td", { title: moment(s.next_at) }, s.paused ? "paused" : s.next_at ? until(s.next_at) : ""), h("td", {}, s.last_run ? h("a", { href: `/console/runs/${encodeURIComponent(s.last_run)}` }, h("code", {}, s.last_run)) : ""))))));
  });
}
