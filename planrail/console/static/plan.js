// Plan: the script with its marks, line by line, as the run goes; a line opens to tell more of its steps.

import { h, put, say } from "./dom.js";
import { highlighted } from "./script.js";
import { count, dollars, MARKS, plural, seconds, STEP_WORDS, stepClass, told, tokens, until } from "./words.js";

const WEIGHT = ["failed", "asking", "running", "waiting", "done", "skipped"];
const AT_ONCE = 150; // lines
const INNER = 60; // calls of one `do` that are shown

/** The view: {node, update, line(number)}. */
export function plan() {
  const list = h("ol", { class: "script", "aria-label": "The plan's script" });
  const note = h("p", { class: "soft small" });
  const legend = h("p", { class: "legend soft small" }, Object.entries(MARKS).map(([state, mark]) => h("span", { class: stepClass(state) }, h("span", { class: "glyph", "aria-hidden": "true" }, mark), STEP_WORDS[state])));
  const node = h("div", { class: "panel" }, h("div", { class: "script-box" }, list), h("div", { class: "body" }, legend, note));
  let script = null;
  let view = null;
  let build = null; // makes lines of the script that are not there yet
  let lines = new Map();
  let shown = new Map(); // line → its steps as they were shown
  let waiting = 0;

  function update(next) {
    view = next;
    if (script !== view.script) {
      script = view.script;
      shown = new Map();
      lines = new Map();
      put(list);
      build = builder(list, lines, script);
      build(AT_ONCE);
    }
    if (!script) {
      put(list, h("li", { class: "empty" }, view.status === "queued" ? "Nobody has taken it up yet." : "There is no plan yet."));
      return;
    }
    marked();
    clearTimeout(waiting);
    waiting = setTimeout(further);
  }

  /** The next lines, in a moment of their own, so that a long script holds up nothing. */
  function further() {
    if (!build(AT_ONCE)) return;
    marked();
    waiting = setTimeout(further);
  }

  function marked() {
    const at = new Map();
    for (const step of view.steps) {
      if (!at.has(step.line)) at.set(step.line, []);
      at.get(step.line).push(step);
    }
    for (const [number, steps] of at) {
      const before = shown.get(number);
      const line = lines.get(number);
      if (!line || (before && before.length === steps.length && before.every((s, n) => same(s, steps[n])))) continue;
      shown.set(number, steps);
      draw(line, steps);
    }
    const refused = new Map();
    for (const d of view.refusals) refused.set(d.line, [...(refused.get(d.line) ?? []), d]);
    for (const [number, diagnostics] of refused) refuse(lines.get(number), diagnostics);
    say(note, view.revisions.length > 1 ? `Revision ${view.revisions.at(-1).revision}: ${view.revisions.slice(1).map(revised).join("; ")}.` : "");
  }

  /** Bring a line into sight, opened. */
  function line(number) {
    while (!lines.has(number) && build(AT_ONCE));
    marked();
    const found = lines.get(number);
    if (!found) return;
    if (found.steps.length) toggle(found, true);
    found.li.scrollIntoView({ block: "center" });
    found.button.focus({ preventScroll: true });
  }

  return { node, update, line, close: () => clearTimeout(waiting) };
}

/** Whether a step is as it was; a whole view that comes again has other objects. */
function same(one, other) {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** A function that puts so many further lines into the list and the map, and tells whether there were any. */
function builder(list, lines, script) {
  const texts = script.replace(/\n+$/, "").split("\n");
  const code = highlighted(texts);
  let at = Math.max(texts.findIndex((t) => t.trim()), 0); // a playbook's head is not shown
  return (many) => {
    const from = at;
    at = Math.min(at + many, texts.length);
    const made = Array.from({ length: at - from }, (_, n) => lineOf(from + n + 1, code[from + n]));
    for (const found of made) lines.set(found.number, found);
    list.append(...made.map((found) => found.li));
    return made.length > 0;
  };
}

function lineOf(number, code) {
  const button = h("button", { type: "button", class: "mark", disabled: true, tabindex: "-1" });
  const meta = h("span", { class: "meta" });
  const more = h("div", { class: "more-of", hidden: true });
  const row = h("div", { class: "line" }, h("span", { class: "number", "aria-hidden": "true" }, String(number)), button, h("code", { class: "code" }, code), meta);
  const found = { number, row, button, meta, more, steps: [], li: h("li", { id: `line-${number}`, value: number }, row, more) };
  row.addEventListener("click", () => { if (found.steps.length && !getSelection().toString()) toggle(found); });
  button.addEventListener("click", (event) => { event.stopPropagation(); toggle(found); });
  return found;
}

function toggle(line, open = line.more.hidden) {
  line.more.hidden = !open;
  line.button.setAttribute("aria-expanded", String(open));
  if (open) detail(line);
}

function draw(line, steps) {
  line.steps = steps;
  const calls = steps.filter((s) => s.kind !== "let" || s.state === "failed");
  const state = worst(steps);
  line.row.className = `line has ${stepClass(state)}`;
  say(line.button, MARKS[state]);
  line.button.disabled = false;
  line.button.removeAttribute("tabindex");
  line.button.dataset.row = "";
  line.button.setAttribute("aria-expanded", String(!line.more.hidden));
  line.button.setAttribute("aria-label", steps.map((s) => `${s.id}: ${STEP_WORDS[s.state]}${s.map && s.of !== null ? `, ${s.done} of ${s.of}` : ""}`).join("; "));
  put(line.meta, calls.map((step) => h("span", {}, calls.length > 1 ? h("span", { class: stepClass(step.state) }, `${MARKS[step.state]} ${step.id} `) : null, notes(step))));
  if (!line.more.hidden) detail(line);
}

function worst(steps) {
  return WEIGHT.find((state) => steps.some((s) => s.state === state)) ?? "waiting";
}

/** What a step has done, in few words. */
function notes(step) {
  const said = [];
  if (step.map && (step.of !== null || step.done)) said.push(step.of === null ? `${count(step.done)} of ?` : `${count(step.done)} of ${count(step.of)}`);
  if (step.retries) said.push(h("span", { class: "is-waiting" }, plural(step.retries, "retry", "retries")));
  if (step.failed) said.push(h("span", { class: "is-failed" }, `${count(step.failed)} failed`));
  if (step.instead) said.push(h("span", { class: "is-waiting" }, step.map ? `${count(step.instead)} by otherwise` : "by otherwise"));
  if (step.unsure) said.push(h("span", { class: "is-waiting" }, `${count(step.unsure)} unsure`));
  if (step.adopted) said.push(step.map ? `${count(step.adopted)} adopted` : "adopted");
  if (step.early) said.push(step.map ? `${count(step.early)} read ahead` : "read ahead");
  if (step.due) said.push(`due ${until(step.due)}`);
  if (step.seconds) said.push(seconds(step.seconds));
  const used = tokens(step.usage);
  if (used) said.push(`${count(used)} tokens`);
  if (step.usage.usd) said.push(dollars(step.usage.usd));
  const bar = step.map && step.of && step.state === "running" ? h("span", { class: "meter", "aria-hidden": "true" }, h("i", { style: { width: `${Math.round((100 * Math.min(step.done, step.of)) / step.of)}%` } })) : null;
  return [bar, said.map((part, n) => [n ? " · " : null, part])];
}

function detail(line) {
  put(line.more, line.steps.map((step) => {
    const facts = [["Step", h("code", {}, step.id)], ["State", h("span", { class: stepClass(step.state) }, `${MARKS[step.state]} ${STEP_WORDS[step.state]}`)]];
    if (step.call !== step.kind) facts.push(["Calls", h("code", {}, step.call)]);
    if (step.guards.length) facts.push(["Only", h("code", {}, step.guards.join(", "))]);
    if (step.calls) facts.push(["Made", plural(step.calls, "tool call")]);
    if (step.retried) facts.push(["First retry", h("span", { class: "foreign" }, told(step.retried, 400))]);
    if (step.note) facts.push(["Otherwise", h("span", { class: "foreign" }, told(step.note, 400))]);
    if (step.held) facts.push(["Held", h("span", { class: "foreign" }, told(step.held, 400))]);
    if (step.sure !== null && step.sure !== undefined) facts.push(["Sure", String(step.sure)]);
    if (step.due) facts.push(["Due", until(step.due)]);
    return h("div", { class: "detail" }, h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])), inner(step));
  }));
}

/** The calls of a `do`. */
function inner(step) {
  const calls = step.inner.filter((i) => i.call !== "do");
  if (!calls.length) return null;
  return h("ul", { class: "inner" }, calls.slice(0, INNER).map((call) => {
    const state = call.failed ? "failed" : call.done ? "done" : "running";
    return h("li", {}, h("span", { class: `is-${state}` }, MARKS[state]), " ", h("code", { class: "foreign" }, `${call.call}(${told(call.arguments, 160)})`), call.failed ? h("span", { class: "is-failed" }, ` ${call.failed}`) : null, call.seconds ? h("span", { class: "soft" }, ` ${seconds(call.seconds)}`) : null);
  }), calls.length > INNER ? h("li", { class: "soft" }, `and ${plural(calls.length - INNER, "more call")}`) : null);
}

function refuse(line, diagnostics) {
  if (!line || line.refused) return;
  line.refused = true;
  line.row.classList.add("is-failed");
  say(line.button, "✗");
  line.li.append(h("div", { class: "more-of" }, diagnostics.map((d) => h("p", { class: "foreign" }, h("strong", { class: "problem" }, d.message), " ", h("span", { class: "soft" }, d.hint)))));
}

function revised(revision) {
  return `${revision.source === "fallback" ? `the fallback ${revision.playbook}` : "a replan"} put ${plural(revision.added.length, "statement")} in the place of ${count(revision.removed.length)}${revision.mended.length ? `, after ${told(revision.mended.join("; "), 160)}` : ""}`;
}
