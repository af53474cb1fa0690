// Events: the run's journal as it stands, however long; filtered by what happened; one of them whole beside it.

import { get } from "./api.js";
import { h, put, say } from "./dom.js";
import { trouble } from "./frame.js";
import { json } from "./value.js";
import { windowed } from "./windowed.js";
import { count, moment, told } from "./words.js";

const PAGE = 1000;
const HEIGHT = 28;

/** The view: {node, update, opened, close}. */
export function events(context) {
  const filter = h("select", { "aria-label": "What happened", on: { change: draw } });
  const search = h("input", { type: "search", "aria-label": "Search events", placeholder: "Search step, tool, text", "data-search": true, on: { input: draw } });
  const note = h("span", { class: "soft small", role: "status" });
  const whole = h("div", { class: "event-whole", tabindex: "-1" }, h("p", { class: "soft" }, "Choose an event to see all of it."));
  const list = windowed({ height: HEIGHT, label: "Events", row, chosen: open, most: 560 });
  const problem = h("div", {});
  const node = h("div", { class: "panel events" }, h("header", {}, h("h2", {}, "Events"), note, h("div", { class: "event-filter" }, filter), h("div", { class: "event-search" }, search)), problem, h("div", { class: "event-panes" }, list.node, whole));
  const all = [];
  const types = new Map();
  let after = 0;
  let wanted = 0;
  let loading = false;
  let looked = false;

  async function load() {
    if (loading) return;
    loading = true;
    try {
      while (looked && after < wanted) {
        const page = await get(`${context.path}/events?after=${after}&limit=${PAGE}`, context.signal);
        for (const recorded of page.events) {
          recorded.text = summary(recorded.event);
          all.push(recorded);
          types.set(recorded.event.type, (types.get(recorded.event.type) ?? 0) + 1);
        }
        const last = page.events.at(-1)?.seq ?? after;
        if (last === after) break;
        after = last;
        draw();
      }
    } catch (error) {
      put(problem, trouble(error));
    }
    loading = false;
  }

  function draw() {
    const chosen = filter.value;
    const words = search.value.trim().toLowerCase();
    if (filter.options.length !== types.size + 1) {
      put(filter, h("option", { value: "" }, "Everything"), [...types.keys()].sort().map((t) => h("option", { value: t }, t.replaceAll("_", " "))));
      filter.value = chosen;
    }
    const shown = all.filter((r) => (!chosen || r.event.type === chosen) && (!words || r.text.toLowerCase().includes(words) || r.event.type.includes(words)));
    say(note, shown.length === all.length ? `${count(all.length)}${after < wanted ? ` of ${count(wanted)}` : ""}` : `${count(shown.length)} of ${count(all.length)}`);
    list.set(shown);
  }

  function row(recorded) {
    return h("div", { class: "event-row" }, h("span", { class: "soft number" }, String(recorded.seq)), h("span", { class: "soft" }, moment(recorded.at).slice(11)), h("span", { class: `event-type t-${tone(recorded.event.type)}` }, recorded.event.type.replaceAll("_", " ")), h("span", { class: "event-text foreign" }, recorded.text));
  }

  function open(recorded) {
    put(whole, h("h3", {}, `${recorded.seq} · ${recorded.event.type.replaceAll("_", " ")}`), h("p", { class: "soft small" }, moment(recorded.at)), json(recorded.event));
  }

  return {
    node,
    update: (view) => { wanted = view.seq; if (looked) load(); },
    opened: () => { looked = true; load(); },
    close: () => { looked = false; },
  };
}

function tone(type) {
  if (/failed|surprised|refused|doubted|ceiling|expired|fell/.test(type)) return "bad";
  if (/question|retried|held|reminded|parked|cancel/.test(type)) return "wait";
  return /finished|ended|certified|verified|answered/.test(type) ? "done" : "plain";
}

/** An event on one line. */
function summary(event) {
  const said = [];
  if (event.step) said.push(event.item ? `${event.step}[${event.item}]` : event.step);
  if (event.call) said.push(event.call);
  for (const name of ["kind", "message", "reason", "status", "question", "by", "source", "playbook", "model", "ceiling", "worker"]) {
    const given = event[name];
    if (given) said.push(typeof given === "object" ? given.text ?? given.id ?? "" : String(given));
  }
  if (event.value !== undefined && event.value !== null) said.push(told(event.value, 120));
  else if (event.arguments) said.push(told(event.arguments, 120));
  return told(said.filter(Boolean).join(" · "), 240);
}
