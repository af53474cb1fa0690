// Playbooks: plans that people wrote, each with a form for its parameters that starts a run.

import { onceKey, post } from "./api.js";
import { fields, unfit, Unfit } from "./fields.js";
import { h, newId, put } from "./dom.js";
import { sheet, tell, trouble } from "./frame.js";
import { highlighted } from "./script.js";

/** The page; `go(path)` follows an address. */
export function playbooks(go) {
  return sheet("Playbooks", "Plans that people wrote. A goal that fits one is run by it and asks no model.", "playbooks", (told) => {
    const listed = told.playbooks ?? told;
    if (!listed.length) return h("div", { class: "empty" }, h("h2", {}, "There are no playbooks"), h("p", {}, "Packs bring some; a folder of your own can be named in the settings."));
    return h("ul", { class: "cards" }, listed.map((p) => h("li", {}, card(p, go))));
  });
}

function card(playbook, go) {
  const title = newId("playbook");
  const problem = h("div", {});
  const parts = playbook.params.map((p) => [p.name, fields(p.schema ?? {}, { label: p.name, needed: p.required !== false && (p.default === undefined || p.default === null), first: p.default ?? undefined, depth: 1 })]);
  const button = h("button", { type: "submit", class: "first" }, "Start");
  const form = h("form", { on: { submit: start } }, parts.map(([, part]) => part.node), problem, h("div", { class: "buttons" }, button));
  form.noValidate = true;
  let key = onceKey();

  async function start(event) {
    event.preventDefault();
    put(problem);
    try {
      const params = Object.fromEntries(parts.map(([name, part]) => [name, part.read()]).filter(([, v]) => v !== undefined));
      button.disabled = true;
      const { id } = await post("runs", { playbook: playbook.name, params, key });
      key = onceKey();
      tell("The run has begun.");
      go(`/console/runs/${id}`);
    } catch (error) {
      if (error instanceof Unfit) unfit(problem, error);
      else put(problem, trouble(error));
      button.disabled = false;
    }
  }

  const script = h("details", {}, h("summary", {}, "Script"));
  script.addEventListener("toggle", () => {
    if (script.open && script.children.length === 1) script.append(h("pre", { class: "code-block", tabindex: "0" }, highlighted(playbook.script.split("\n")).map((line) => [line, "\n"])));
  });
  return h("article", { class: "panel", "aria-labelledby": title, tabindex: "-1", "data-row": true },
    h("header", {}, h("h2", { id: title }, playbook.name), h("span", { class: "soft small" }, (playbook.tools ?? []).join(", "))),
    h("div", { class: "body card-body" },
      h("div", {}, h("ul", { class: "goals" }, playbook.goals.map((g) => h("li", { class: "foreign" }, g))), playbook.fallback ? h("p", { class: "soft small" }, `Falls back to ${playbook.fallback}.`) : null, script), form));
}
