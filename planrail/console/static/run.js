// Run: one run: its head, what it asks, why it failed, its answer, and its views behind tabs; live.

import { get, post, stream } from "./api.js";
import { answer } from "./answer.js";
import { artifacts } from "./artifacts.js";
import { budgetDialog } from "./budget.js";
import { certificate } from "./certificate.js";
import { cost } from "./cost.js";
import { h, newId, put, say } from "./dom.js";
import { events } from "./events.js";
import { fork } from "./fork.js";
import { tell, trouble } from "./frame.js";
import { graph } from "./graph.js";
import { questions } from "./questions.js";
import { pill } from "./runs.js";
import { plan } from "./plan.js";
import { timeline } from "./timeline.js";
import { why } from "./why.js";
import { ago, clock, count, dollars, moment, origin, OVER, plural, seconds, title, tokens, until } from "./words.js";

const TABS = [
  ["plan", "Plan", plan], ["graph", "Graph", graph], ["timeline", "Timeline", timeline], ["certificate", "Certificate", certificate],
  ["events", "Events", events], ["artifacts", "Files", artifacts], ["cost", "Cost", cost], ["fork", "Fork", fork],
];

/** The page of one run. */
export function run(id) {
  const path = `runs/${encodeURIComponent(id)}`;
  const place = h("div", {}, h("p", { class: "loading" }, "Loading …"));
  const node = h("div", { class: "run" }, h("p", { class: "crumb" }, h("a", { href: "/console/runs", "data-up": true }, "Runs"), h("span", { "aria-hidden": "true" }, " / "), h("code", {}, id)), place);
  const stop = new AbortController();
  const context = { id, path, signal: stop.signal, go: (to) => document.dispatchEvent(new CustomEvent("planrail-go", { detail: to })), open: () => {}, act };
  let parts = null;
  let view = null;
  let drawing = 0;
  let closeStream = () => {};

  function seen(next) {
    view = next;
    if (!drawing) drawing = requestAnimationFrame(draw);
  }

  function draw() {
    drawing = 0;
    if (parts === null) {
      parts = page(context);
      put(place, parts.nodes);
      if (document.activeElement === document.body || document.activeElement?.tagName === "H1") parts.nodes[0].querySelector("h1").focus({ preventScroll: true });
    }
    parts.update(view);
    document.dispatchEvent(new CustomEvent("planrail-title", { detail: title(view) }));
  }

  function changed(change) {
    if (view === null) return;
    const { steps, ...others } = change;
    const now = new Map((steps ?? []).map((s) => [s.id, s]));
    const listed = view.steps.map((s) => now.get(s.id) ?? s);
    const known = new Set(view.steps.map((s) => s.id));
    seen({ ...view, ...others, steps: [...listed, ...(steps ?? []).filter((s) => !known.has(s.id))] });
  }

  /** Do something to the run and say how it went; true where it was done. */
  async function act(doing, said) {
    try {
      const told = await doing();
      if (said) tell(said);
      watch();
      return told ?? true;
    } catch (error) {
      parts?.problem(error);
      return false;
    }
  }

  /** Follow the run; one that is over is read again, and followed where it goes on. */
  function watch() {
    closeStream();
    closeStream = stream(`${path}/live`, { view: seen, change: changed }, (now) => {
      parts?.live(now);
      if (now === "over") get(path, stop.signal).then(seen, () => {});
    });
  }

  const ticking = setInterval(() => parts?.tick(view), 1000);
  get(path, stop.signal).then(
    (told) => { seen(told); watch(); },
    (error) => put(place, error.status === 404 ? h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, "There is no such run"), h("p", {}, error.hint)) : trouble(error)),
  );
  return {
    node, title: `Run ${id}`,
    close: () => { stop.abort(); closeStream(); clearInterval(ticking); cancelAnimationFrame(drawing); parts?.close(); },
  };
}

/** The parts of the page, each of which shows the view as it is then. */
function page(context) {
  const top = head(context);
  const asks = questions(context);
  const failed = why(context);
  const result = answer(context);
  const views = tabs(context);
  const all = [top, asks, failed, result, views];
  return {
    nodes: all.map((p) => p.node),
    update: (view) => all.forEach((p) => p.update(view)),
    tick: (view) => top.tick(view),
    live: (now) => top.live(now),
    problem: (error) => top.problem(error),
    close: () => views.close(),
  };
}

function head(context) {
  const name = h("h1", { tabindex: "-1", class: "foreign" });
  const state = h("span", { class: "state", role: "status", "aria-live": "polite" });
  const lost = h("span", { class: "pill is-waiting", hidden: true }, "not connected: trying again");
  const problem = h("div", {});
  const figures = Object.fromEntries(["took", "cost", "tokens", "calls", "begun", "plan"].map((f) => [f, h("dd", {})]));
  const labels = { took: "Time", cost: "Cost", tokens: "Tokens", calls: "Calls", plan: "Plan", begun: "Begun" };
  const buttons = {
    cancel: h("button", { type: "button", class: "danger", on: { click: cancel } }, "Cancel"),
    resume: h("button", { type: "button", on: { click: resume } }, "Resume"),
    fork: h("button", { type: "button", on: { click: () => context.open("fork", true) } }, "Fork"),
  };
  const note = h("p", { class: "soft note" });
  const node = h("header", { class: "run-head" },
    h("div", { class: "head" }, name, h("div", { class: "buttons" }, Object.values(buttons))),
    h("div", { class: "state-line" }, state, lost, note),
    h("dl", { class: "figures" }, Object.entries(figures).map(([f, dd]) => h("div", {}, h("dt", {}, labels[f]), dd))), problem);
  let shown = "";

  async function cancel() {
    buttons.cancel.disabled = true;
    await context.act(() => post(`${context.path}/cancel`), "The run is cancelled.");
    buttons.cancel.disabled = false;
  }

  function resume() {
    budgetDialog("Resume the run", "What is done stays; what failed is tried again. A ceiling that was met can be raised.", "Resume",
      (budget) => context.act(() => post(`${context.path}/resume`, budget ? { budget } : {}), "The run goes on."));
  }

  function tick(view) {
    if (view === null || view === undefined) return;
    const over = OVER.has(view.status);
    const running = view.status === "running" && view.started_at ? Math.max((Date.now() - new Date(view.started_at)) / 1000, view.seconds) : view.seconds;
    say(figures.took, over ? seconds(view.seconds) : view.status === "running" ? clock(running) : `${seconds(view.seconds)} so far`);
    say(figures.begun, view.started_at ? ago(view.started_at) : "not yet");
    figures.begun.title = moment(view.started_at);
  }

  function update(view) {
    say(name, title(view));
    if (shown !== view.status) put(state, pill(view.status));
    if (shown && shown !== view.status) put(problem);
    shown = view.status;
    say(figures.cost, dollars(view.cost.usage.usd));
    say(figures.tokens, `${view.cost.usage.estimated ? "about " : ""}${count(tokens(view.cost.usage))}`);
    say(figures.calls, `${count(view.cost.tool_calls)}${view.cost.usage.model_calls ? ` + ${count(view.cost.usage.model_calls)} of models` : ""}`);
    say(figures.plan, origin(view));
    say(note, noted(view));
    const may = new Set(view.may ?? []);
    for (const [what, button] of Object.entries(buttons)) button.hidden = !may.has(what);
    tick(view);
  }

  return { node, update, tick, live: (now) => { lost.hidden = now !== "lost"; }, problem: (error) => put(problem, trouble(error)) };
}

function noted(view) {
  const said = [];
  if (view.forked_from) said.push(`Forked from ${view.forked_from.run} at ${view.forked_from.step}.`);
  if (view.status === "waiting" && view.questions.length) said.push(`${plural(view.questions.length, "question")} to answer.`);
  else if (view.status === "waiting" && view.wake_at) said.push(`The clock wakes it ${until(view.wake_at)}, at ${moment(view.wake_at)}.`);
  if (view.session) said.push(`Session ${view.session}.`);
  return said.join(" ");
}

/** The views behind tabs; each is made when it is first looked at, and told of changes while it is. */
function tabs(context) {
  const made = new Map();
  const ids = new Map(TABS.map(([name]) => [name, { tab: newId("tab"), panel: newId("panel") }]));
  const buttons = new Map(TABS.map(([name, label]) => [name, h("button", { type: "button", role: "tab", id: ids.get(name).tab, "aria-controls": ids.get(name).panel, on: { click: () => open(name) } }, label)]));
  const panels = new Map(TABS.map(([name]) => [name, h("div", { role: "tabpanel", id: ids.get(name).panel, "aria-labelledby": ids.get(name).tab, hidden: true })]));
  const bar = h("div", { class: "tabs", role: "tablist", "aria-label": "Views of the run", on: { keydown: moved } }, [...buttons.values()]);
  const node = h("section", { class: "views" }, bar, [...panels.values()]);
  let at = "";
  let view = null;

  function names() {
    return TABS.map(([name]) => name).filter((name) => !buttons.get(name).hidden);
  }

  function open(name, focus = false) {
    if (!buttons.has(name) || buttons.get(name).hidden) name = "plan";
    if (at !== name) {
      at = name;
      for (const [other, button] of buttons) {
        button.setAttribute("aria-selected", String(other === name));
        button.tabIndex = other === name ? 0 : -1;
        panels.get(other).hidden = other !== name;
      }
      const tab = buttons.get(name);
      bar.scrollTo({ left: tab.offsetLeft - bar.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2 });
      history.replaceState(null, "", location.pathname + location.search + (name === "plan" ? "" : `#${name}`));
    }
    if (!made.has(name)) {
      const part = TABS.find(([other]) => other === name)[2](context);
      made.set(name, part);
      put(panels.get(name), part.node);
    }
    if (view) made.get(name).update(view);
    made.get(name).opened?.();
    if (focus) {
      bar.scrollIntoView({ block: "start" });
      (panels.get(name).querySelector("textarea, select, input, button") ?? buttons.get(name)).focus({ preventScroll: true });
    }
    return made.get(name);
  }

  function moved(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const listed = names();
    const to = by ? listed[(listed.indexOf(at) + by + listed.length) % listed.length] : { Home: listed[0], End: listed.at(-1) }[event.key];
    if (!to) return;
    event.preventDefault();
    open(to);
    buttons.get(to).focus();
  }

  function turned(event) {
    const listed = names();
    const to = listed[Math.min(Math.max(listed.indexOf(at) + event.detail, 0), listed.length - 1)];
    open(to);
    buttons.get(to).focus();
  }

  function update(next) {
    view = next;
    buttons.get("fork").hidden = !(next.may ?? []).includes("fork");
    if (!at) open(location.hash.slice(1) || "plan");
    else if (at === "fork" && buttons.get("fork").hidden) open("plan");
    else made.get(at).update(next);
  }

  context.open = open;
  context.line = (number) => open("plan").line(number);
  document.addEventListener("planrail-tab", turned);
  return { node, update, close: () => { document.removeEventListener("planrail-tab", turned); made.forEach((part) => part.close?.()); } };
}
