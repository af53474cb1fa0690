// Fork: a new run with what this one has done, which goes on differently from a step on, by a script that may be another one.

import { onceKey, post } from "./api.js";
import { budgetFields } from "./budget.js";
import { editor } from "./editor.js";
import { h, put } from "./dom.js";
import { tell, trouble } from "./frame.js";

/** The view: {node, update, close}. */
export function fork(context) {
  const picker = h("select", { id: "fork-step" });
  const budget = budgetFields();
  const problem = h("div", {});
  const button = h("button", { type: "submit", class: "first" }, "Start the fork");
  const script = editor({ label: "The fork's script", more: { run: context.id }, checked });
  const reset = h("button", { type: "button", on: { click: () => script.set(original) } }, "As it was");
  const form = h("form", { class: "body", on: { submit: start } },
    h("p", { class: "soft" }, "What the steps before have done is taken over and not done again; an effect that would be repeated is asked for. Secrets and results stay where they are."),
    script.node,
    h("div", { class: "fork-row" }, h("div", { class: "field" }, h("label", { for: "fork-step" }, "Go on anew from"), picker)),
    h("details", {}, h("summary", {}, "Other ceilings"), budget.node), problem, h("div", { class: "buttons" }, button, reset));
  const node = h("div", { class: "panel" }, h("header", {}, h("h2", {}, "Fork")), form);
  let original = null;
  let view = null;
  let picked = "";
  let key = onceKey();

  picker.addEventListener("change", () => { picked = picker.value; });

  function checked(told) {
    button.disabled = !told.ok;
    const steps = told.steps ?? [];
    const wanted = picked && steps.some((s) => s.id === picked) ? picked : suggested(steps);
    put(picker, steps.map((s) => h("option", { value: s.id }, `line ${s.line}: ${s.id}`)));
    picker.value = wanted;
  }

  /** The first step that did not go well, or whose line is another one now. */
  function suggested(steps) {
    const hurt = new Set([...view.surprises.map((s) => s.step), ...view.steps.filter((s) => s.state === "failed").map((s) => s.id)]);
    const [before, now] = [original.split("\n"), script.text().split("\n")];
    const changed = now.findIndex((line, n) => line !== before[n]) + 1;
    const from = changed ? steps.filter((s) => s.line <= changed).at(-1) : undefined;
    return (steps.find((s) => hurt.has(s.id)) ?? from ?? steps[0])?.id ?? "";
  }

  async function start(event) {
    event.preventDefault();
    button.disabled = true;
    put(problem);
    const wish = { step: picker.value, script: script.text(), key };
    const ceilings = budget.value();
    if (ceilings) wish.budget = ceilings;
    try {
      const { id } = await post(`${context.path}/fork`, wish);
      key = onceKey();
      tell("The fork has begun.");
      context.go(`/console/runs/${id}`);
    } catch (error) {
      if (error.diagnostics?.length) script.shown(error.diagnostics);
      put(problem, trouble(error));
      button.disabled = false;
    }
  }

  function update(next) {
    view = next;
    if (original === null && next.script) {
      original = next.script;
      script.set(original);
    }
  }

  return { node, update, close: script.close };
}
