// Health: whether this Planrail is ready, who carries runs on, which servers of tools answer, and its figures.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { trouble } from "./frame.js";
import { ago, count, seconds, STATUSES } from "./words.js";
import { pill } from "./runs.js";

const EVERY_MS = 5000;
const FIGURES = [["queued_s", "Longest in the queue", seconds], ["for_people", "Wait for people", count], ["overdue", "Schedules overdue", count], ["pending", "Notifications to send", count], ["failing", "Notifications failing", count], ["dead", "Notifications given up", count]];

/** The page. */
export function health() {
  const place = h("div", {}, h("p", { class: "loading" }, "Loading …"));
  const node = h("div", {}, h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Health")), place);
  const stop = new AbortController();
  let timer = 0;
  let shown = "";

  async function look() {
    if (!document.hidden) {
      try {
        const told = await get("health", stop.signal);
        const key = JSON.stringify(told);
        if (key !== shown) put(place, page(told));
        shown = key;
      } catch (error) {
        if (error.name === "AbortError") return;
        shown = "";
        put(place, trouble(error));
      }
    }
    timer = setTimeout(look, EVERY_MS);
  }
  look();
  return { node, title: "Health", close: () => { stop.abort(); clearTimeout(timer); } };
}

function page(told) {
  const figures = told.figures ?? {};
  const runs = figures.runs ?? {};
  const upstream = Object.entries(told.upstream ?? {});
  return h("div", {},
    h("div", { class: `notice ${told.ready ? "" : "bad"}`, role: "status" }, h("strong", { class: told.ready ? "is-done" : "is-failed" }, told.ready ? "✓ Ready" : "✗ Not ready"), (told.problems ?? []).map((p) => h("p", { class: "foreign" }, p))),
    h("div", { class: "tiles" }, STATUSES.filter((s) => runs[s] !== undefined).map((s) => h("a", { class: "tile", href: `/console/runs?status=${s}` }, h("b", {}, count(runs[s])), pill(s))),
      FIGURES.filter(([name]) => figures[name] !== undefined).map(([name, label, word]) => h("div", { class: "tile" }, h("b", {}, word(figures[name])), h("span", { class: "soft" }, label)))),
    h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Workers")), (told.workers ?? []).length ? h("ul", { class: "troubles" }, told.workers.map((w) => h("li", { class: "foreign" }, typeof w === "string" ? h("code", {}, w) : [h("code", {}, w.id ?? w.name), h("span", { class: "soft" }, ` ${w.seen_at ? ago(w.seen_at) : w.state ?? ""}`)]))) : h("p", { class: "body soft" }, "None is known here.")),
    upstream.length ? h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Servers of tools")), h("ul", { class: "troubles" }, upstream.map(([name, state]) => h("li", {}, h("span", { class: state === "up" ? "is-done" : "is-failed" }, state === "up" ? "✓ " : "✗ "), h("span", { class: "foreign" }, `${name}: ${state}`))))) : null);
}
