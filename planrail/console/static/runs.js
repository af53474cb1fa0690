// Runs: all of them, those that need somebody first, live; filtered by status and by words; and how a new one begins.

import { get, onceKey, post, stream } from "./api.js";
import { h, put, say } from "./dom.js";
import { tell, trouble } from "./frame.js";
import { show } from "./keys.js";
import { ago, count, dollars, plural, seconds, STATUSES, STATUS_MARKS, title } from "./words.js";

const PAGE = 50;

/** The page of runs. */
export function runs() {
  const asked = new URLSearchParams(location.search);
  const state = { statuses: new Set((asked.get("status") ?? "").split(",").filter((s) => STATUSES.includes(s))), q: asked.get("q") ?? "", rows: new Map(), stale: true, next: null, counts: {} };
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Filter by status" });
  const search = h("input", { type: "search", "data-search": true, "aria-label": "Search goals and ids", placeholder: "Search goals and ids", value: state.q, on: { input: typed } });
  const needs = h("ul", { class: "panel" });
  const others = h("ul", { class: "panel" });
  const needsGroup = h("section", { class: "group", "aria-labelledby": "needs" }, h("h2", { id: "needs" }, "Needs you"), needs);
  const othersTitle = h("h2", { id: "others" }, "Runs");
  const othersGroup = h("section", { class: "group", "aria-labelledby": "others" }, othersTitle, others);
  const more = h("div", { class: "more" }, h("button", { type: "button", on: { click: () => load(state.next) } }, "Load more"));
  const place = h("div", {}, h("p", { class: "loading" }, "Loading …"));
  const node = h("div", {},
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Runs"),
      h("button", { type: "button", class: "first", "data-new": true, on: { click: newRun } }, "New run ", h("kbd", {}, "n"))),
    h("div", { class: "bar" }, chips, h("div", { class: "search" }, search)), place);
  let stop = new AbortController();
  let tellWaiting = () => {};
  let typing = 0;
  let redraw = 0;

  /** A page of the runs: the first one, or the one before a run; `fresh` forgets those that are there. */
  async function load(before, fresh = false) {
    stop.abort();
    stop = new AbortController();
    state.stale ||= fresh; // also of a request that another one overtakes
    const wish = new URLSearchParams({ limit: String(PAGE) });
    if (state.statuses.size) wish.set("status", [...state.statuses].join(","));
    if (state.q) wish.set("q", state.q);
    if (before) wish.set("before", before);
    try {
      const page = await get(`runs?${wish}`, stop.signal);
      if (state.stale) state.rows.clear();
      for (const row of page.runs) state.rows.set(row.id, row);
      if (state.stale || before || state.next === null) state.next = page.next;
      state.stale = false;
      state.counts = page.counts ?? {};
      drawn();
    } catch (error) {
      if (error.name !== "AbortError") put(place, trouble(error));
    }
  }

  function typed() {
    clearTimeout(typing);
    typing = setTimeout(() => {
      state.q = search.value.trim();
      asking();
    }, 200);
  }

  function asking() {
    const wish = new URLSearchParams();
    if (state.statuses.size) wish.set("status", [...state.statuses].join(","));
    if (state.q) wish.set("q", state.q);
    history.replaceState(null, "", `/console/runs${wish.size ? `?${wish}` : ""}`);
    load(null, true);
  }

  function chosen(status) {
    if (status === null) state.statuses.clear();
    else if (!state.statuses.delete(status)) state.statuses.add(status);
    asking();
  }

  function drawn() {
    cancelAnimationFrame(redraw);
    redraw = 0;
    const all = Object.values(state.counts).reduce((a, b) => a + b, 0);
    const focused = chips.contains(document.activeElement) ? document.activeElement.dataset.status : null;
    put(chips, chip(null, "All", all), STATUSES.filter((s) => state.counts[s] || state.statuses.has(s)).map((s) => chip(s, s, state.counts[s] ?? 0)));
    if (focused) chips.querySelector(`[data-status="${focused}"]`)?.focus();
    tellWaiting(state.counts.waiting ?? 0);
    const rows = [...state.rows.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    const asking = rows.filter(wants);
    list(needs, asking);
    list(others, rows.filter((r) => !wants(r)));
    needsGroup.hidden = asking.length === 0;
    othersGroup.hidden = rows.length === asking.length;
    othersTitle.hidden = asking.length === 0;
    say(othersTitle, "The others");
    more.hidden = !state.next;
    if (rows.length) put(place, needsGroup, othersGroup, more);
    else put(place, nothing());
  }

  function chip(status, label, number) {
    const on = status === null ? state.statuses.size === 0 : state.statuses.has(status);
    return h("button", { type: "button", "aria-pressed": String(on), "data-status": status ?? "all", on: { click: () => chosen(status) } }, label, h("b", {}, count(number)));
  }

  function nothing() {
    if (state.statuses.size || state.q) {
      return h("div", { class: "empty" }, h("h2", {}, "No run is like that"), h("div", { class: "buttons" }, h("button", { type: "button", on: { click: () => { state.q = search.value = ""; chosen(null); } } }, "Show all")));
    }
    return h("div", { class: "empty" }, h("h2", {}, "No runs yet"), h("p", {}, "Give Planrail a goal, or begin with a playbook."),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "first", on: { click: newRun } }, "New run"), h("a", { class: "button", href: "/console/playbooks" }, "Playbooks")));
  }

  function list(place, rows) {
    const there = new Map([...place.children].map((li) => [li.dataset.run, li]));
    const wanted = rows.map((row) => {
      const li = there.get(row.id) ?? h("li", { data: { run: row.id } }, runRow(row));
      if (li.shown !== row) {
        fill(li.firstChild, row);
        li.shown = row;
      }
      return li;
    });
    wanted.forEach((li, n) => {
      if (place.children[n] !== li) place.insertBefore(li, place.children[n] ?? null);
    });
    while (place.children.length > wanted.length) place.lastChild.remove();
  }

  function heard(row) {
    const before = state.rows.get(row.id);
    const fits = (state.statuses.size === 0 || state.statuses.has(row.status)) && (!state.q || before);
    if (before?.status !== row.status) {
      if (before && state.counts[before.status]) state.counts[before.status] -= 1;
      if (before || !seen.has(row.id)) state.counts[row.status] = (state.counts[row.status] ?? 0) + 1;
    }
    seen.add(row.id);
    if (fits) state.rows.set(row.id, row);
    else state.rows.delete(row.id);
    if (!redraw) redraw = requestAnimationFrame(drawn);
  }

  const seen = new Set();
  const close = stream("runs/live", { row: heard, ready: () => load() }); // from `ready` on every change is told
  const ticking = setInterval(() => document.querySelectorAll("time[data-ago]").forEach((t) => say(t, ago(t.dateTime))), 10000);
  load(null, true);
  return {
    node, title: "Runs", focus: null,
    waiting: (telling) => { tellWaiting = telling; },
    close: () => { stop.abort(); close(); clearInterval(ticking); cancelAnimationFrame(redraw); },
  };
}

function wants(row) {
  return row.status === "waiting" && row.questions > 0;
}

function runRow(row) {
  return h("a", { class: "row", href: `/console/runs/${encodeURIComponent(row.id)}`, "data-row": true });
}

/** A run's row anew. */
function fill(link, row) {
  put(link,
    h("span", {}, pill(row.status)),
    h("div", {}, h("div", { class: "name foreign" }, title(row)), h("div", { class: "under" }, under(row))),
    progress(row),
    h("span", { class: "end" }, spent(row)),
    h("span", { class: "end" }, h("time", { datetime: row.created_at, "data-ago": true }, ago(row.created_at))));
}

function under(row) {
  const said = [row.id];
  if (row.goal && row.playbook) said.push(row.playbook);
  if (row.questions) said.push(plural(row.questions, "question"));
  if (row.reason && row.status !== "done") said.push(row.reason);
  return said.join(" · ");
}

function spent(row) {
  if (row.usd) return dollars(row.usd);
  if (row.tokens) return `${count(row.tokens)} tokens`;
  return row.ended_at && row.created_at ? seconds((new Date(row.ended_at) - new Date(row.created_at)) / 1000) : "";
}

function progress(row) {
  if (row.steps === null || row.steps === undefined || !row.steps) return h("span", {});
  const all = row.status === "done"; // what its ifs left out is done, too
  const bar = h("i", { style: { width: `${all ? 100 : Math.round((100 * (row.steps_done ?? 0)) / row.steps)}%` } });
  return h("span", {}, h("span", { class: "small soft" }, `${all ? "" : `${count(row.steps_done ?? 0)} of `}${plural(row.steps, "step")}`), h("span", { class: `meter is-${row.status}`, "aria-hidden": "true", style: { display: "block" } }, bar));
}

/** A status as a mark and a word. */
export function pill(status) {
  return h("span", { class: `pill is-${status}` }, h("span", { class: "glyph", "aria-hidden": "true" }, STATUS_MARKS[status] ?? "·"), status);
}

/** Ask for a goal, and begin. */
export function newRun() {
  const goal = h("textarea", { id: "goal", rows: "3", required: true });
  const problem = h("div", {});
  const key = onceKey();
  const button = h("button", { class: "first", type: "submit" }, "Start");
  const form = h("form", { on: { submit: start } },
    h("div", { class: "field" }, h("label", { for: "goal" }, "Goal"), goal,
      h("span", { class: "hint" }, "A playbook that fits is taken, else a model writes the plan. Nothing runs that was not certified.")),
    problem,
    h("div", { class: "buttons" }, h("button", { type: "button", on: { click: () => dialog.close() } }, "Leave it"), button));
  const dialog = h("dialog", { "aria-labelledby": "new-run" }, h("h2", { id: "new-run" }, "New run"), form);

  async function start(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      const { id } = await post("runs", { goal: goal.value.trim(), key });
      dialog.close();
      tell("The run has begun.");
      document.dispatchEvent(new CustomEvent("planrail-go", { detail: `/console/runs/${id}` }));
    } catch (error) {
      put(problem, trouble(error));
      button.disabled = false;
    }
  }
  goal.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(); });
  show(dialog);
  goal.focus();
}

