// Why: where it hurt, and what to do: surprises, ceilings, refusals of the plan, answers that do not count.

import { h, newId, put, say } from "./dom.js";
import { value } from "./value.js";
import { count, plural, told } from "./words.js";

const MOST = 12;

/** The view: {node, update}. */
export function why(context) {
  const title = h("h2", { id: newId("why") });
  const list = h("ul", { class: "troubles" });
  const node = h("section", { class: "panel", "aria-labelledby": title.id, hidden: true }, h("header", {}, title), list);
  let shown = "";

  function update(view) {
    const found = troubles(view, context);
    const hint = view.hint && view.status !== "done" && !/^planrail (why|show) /.test(view.hint) ? view.hint : "";
    const key = JSON.stringify([view.status, view.surprises, view.ceilings, view.reason, view.hint, view.confidence, view.said, view.planner.map((p) => p.error), view.steps.filter((s) => s.failed || s.held).map((s) => [s.id, s.failed, s.held])]);
    if (key === shown) return;
    shown = key;
    node.hidden = found.length === 0 && !hint;
    say(title, found.length ? "Where it hurt" : "What to do");
    const more = found.length - MOST;
    put(list, found.slice(0, MOST).map((item) => h("li", {}, item)), more > 0 ? h("li", { class: "soft" }, `and ${count(more)} more`) : null,
      hint ? h("li", { class: "hint-line" }, found.length ? h("strong", {}, "What to do: ") : null, h("span", { class: "foreign" }, hint)) : null);
  }

  return { node, update };
}

function troubles(view, context) {
  const found = [];
  for (const s of view.surprises) {
    found.push(h("div", {}, h("span", { class: "is-failed" }, "✗ "), s.line ? lineLink(s.line, context) : null, h("strong", { class: "foreign" }, `${s.item ? `${s.step}[${s.item}]` : s.step}: ${told(s.message, 2000)}`), h("span", { class: "soft" }, ` (${s.kind})`),
      s.arguments && Object.keys(s.arguments).length ? h("details", {}, h("summary", {}, "What it was given"), value(s.arguments)) : null));
  }
  for (const c of view.ceilings) found.push(h("div", { class: "is-partial" }, `■ The ceiling ${c.ceiling}: ${count(c.limit)} allowed, ${count(c.wanted)} wanted${c.step ? `, by ${c.step}` : ""}.`));
  for (const d of view.refusals) found.push(h("div", {}, h("span", { class: "is-failed" }, "✗ "), lineLink(d.line, context), h("strong", { class: "foreign" }, d.message), " ", h("span", { class: "soft foreign" }, d.hint)));
  if (view.reason && !view.surprises.length && !view.ceilings.length && !view.refusals.length && view.status !== "done") found.push(h("div", {}, h("span", { class: view.status === "failed" ? "is-failed" : "soft" }, view.status === "failed" ? "✗ " : "– "), h("span", { class: "foreign text" }, view.reason)));
  for (const p of view.planner) if (p.error) found.push(h("div", {}, h("span", { class: "is-failed" }, "✗ "), h("span", { class: "foreign" }, `The planner (${p.purpose}): ${told(p.error, 400)}`)));
  for (const said of view.said) {
    const no = said.by && (said.refused || said.answer === false);
    if (!said.by) found.push(h("div", { class: "is-waiting foreign" }, `? “${told(said.text, 160)}”: nobody answered in time.`));
    else if (no) found.push(h("div", { class: "is-waiting foreign" }, `? “${told(said.text, 160)}”: ${said.by} said no.`));
  }
  for (const step of view.steps) {
    if (step.held) found.push(h("div", { class: "soft foreign" }, `⧖ ${step.id}: ${told(step.held, 200)}`));
    else if (step.failed && !view.surprises.some((s) => s.step === step.id)) found.push(h("div", { class: "soft" }, `✗ ${step.id}: ${count(step.failed)}${step.of !== null ? ` of ${count(step.of)}` : ""} failed`));
  }
  const fell = view.confidence.filter((f) => !f.step);
  if (fell.length) found.push(h("div", { class: "soft" }, `~ Too few answers count (${plural(fell.length, "time")}).`));
  return found;
}

function lineLink(number, context) {
  return [h("button", { type: "button", class: "quiet", on: { click: () => context.line(number) } }, `line ${number}`), " "];
}
