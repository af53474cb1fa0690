// Frame: the side bar with the pages, who is signed in, the scheme, and the place of the page.

import { get, session, signOut } from "./api.js";
import { h, put, say, svg } from "./dom.js";

const PAGES = [
  ["runs", "Runs", "M3 4h10M3 8h10M3 12h6"],
  ["playbooks", "Playbooks", "M3 3h7a3 3 0 0 1 3 3v7H6a3 3 0 0 1-3-3zM6 6h4M6 9h3"],
  ["plans", "Kept plans", "M4 3h8v10l-4-3-4 3z"],
  ["schedules", "Schedules", "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 5v3.5l2 1.5"],
  ["reports", "Evaluations", "M3 13V3M3 13h10M6 10V8M9 10V5M12 10V7"],
  ["health", "Health", "M2 8h3l2-5 3 10 2-5h2"],
];
const SCHEMES = [["auto", "Auto"], ["light", "Light"], ["dark", "Dark"]];

/** The brand's mark. */
export function brandMark() {
  return svg("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("rect", { width: 32, height: 32, rx: 7, fill: "var(--accent)" }),
    svg("path", { d: "M8 23V9h8.5a4.75 4.75 0 0 1 0 9.5H8M19 18.5 24 23", fill: "none", stroke: "var(--on-accent)", "stroke-width": 3, "stroke-linecap": "round", "stroke-linejoin": "round" }));
}

/** The frame: {node, main, at(page), waiting(count)}; `help` opens the list of keys, `left` is called after signing out. */
export function frame({ help, left }) {
  const badge = h("span", { class: "count", hidden: true });
  const links = new Map(PAGES.map(([name, label, path]) => [name, h("a", { href: `/console/${name}` },
    svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: path })), label, name === "runs" ? badge : null)]));
  const main = h("main", { id: "main", tabindex: "-1" });
  const who = session.principal;
  const node = h("div", { class: "frame" },
    h("header", { class: "side" },
      h("a", { class: "brand", href: "/console/runs" }, brandMark(), "Planrail"),
      h("nav", { "aria-label": "Pages" }, h("ul", {}, [...links.values()].map((a) => h("li", {}, a)))),
      h("div", { class: "foot" },
        h("div", { class: "who" }, h("span", { class: "foreign" }, who), h("span", {}, session.kind === "agent" ? "· an agent" : "· a person")),
        schemeSwitch(),
        h("div", { class: "buttons" },
          h("button", { class: "quiet", type: "button", on: { click: help } }, "Keys ", h("kbd", {}, "?")),
          h("button", { class: "quiet", type: "button", on: { click: async () => { await signOut().catch(() => {}); left(); } } }, "Sign out")),
        h("div", { class: "version" }, `Planrail ${session.version}`))),
    main);

  function at(page) {
    for (const [name, link] of links) {
      if (name === page) {
        link.setAttribute("aria-current", "page");
        const bar = link.closest("nav");
        bar.scrollTo({ left: link.offsetLeft - bar.offsetLeft - (bar.clientWidth - link.offsetWidth) / 2 });
      } else link.removeAttribute("aria-current");
    }
  }

  function waiting(count) {
    badge.hidden = !count;
    put(badge, count ? String(count) : "", h("span", { class: "unseen" }, count === 1 ? " waits" : " wait"));
  }

  return { node, main, at, waiting };
}

function schemeSwitch() {
  const now = () => document.documentElement.dataset.scheme ?? "auto";
  const button = h("button", { class: "quiet", type: "button", on: { click: turn } });
  function turn() {
    const next = SCHEMES[(SCHEMES.findIndex(([name]) => name === now()) + 1) % SCHEMES.length][0];
    if (next === "auto") delete document.documentElement.dataset.scheme;
    else document.documentElement.dataset.scheme = next;
    try {
      localStorage.setItem("planrail-scheme", next);
    } catch {
      // kept for this page only
    }
    shown();
  }
  function shown() {
    const label = SCHEMES.find(([name]) => name === now())[1];
    say(button, `Colours: ${label.toLowerCase()}`);
  }
  shown();
  return h("div", { class: "buttons" }, button);
}

let timer = 0;
/** Tell something in passing, aloud and at the edge of the page. */
export function tell(text) {
  const place = document.getElementById("told");
  put(place, h("p", {}, text));
  clearTimeout(timer);
  timer = setTimeout(() => put(place), 6000);
}

/** What went wrong, with what to do. */
export function trouble(error) {
  if (error.name === "AbortError") return null;
  return h("div", { class: "notice bad", role: "alert" }, h("strong", { class: "foreign" }, error.message), error.hint ? h("p", { class: "foreign" }, error.hint) : null);
}

/** A page that shows one document: {node, title, close}. */
export function sheet(title, lead, path, show) {
  const place = h("div", {}, h("p", { class: "loading" }, "Loading …"));
  const stop = new AbortController();
  const node = h("div", {}, h("div", { class: "head" }, h("h1", { tabindex: "-1" }, title)), lead ? h("p", { class: "lead" }, lead) : null, place);
  get(path, stop.signal).then((told) => put(place, show(told)), (error) => put(place, trouble(error)));
  return { node, title, close: () => stop.abort() };
}
