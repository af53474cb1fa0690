// Budget: the ceilings that somebody raises for a run that goes on.

import { h, put } from "./dom.js";
import { show } from "./keys.js";

const CEILINGS = [["usd", "Cost, $", "0.01"], ["tokens", "Tokens", "1"], ["calls", "Tool calls", "1"], ["model_calls", "Model calls", "1"], ["seconds", "Seconds", "1"]];

/** Fields for ceilings: {node, value()} with null where nothing was written. */
export function budgetFields() {
  const inputs = CEILINGS.map(([name, label, step]) => [name, h("input", { type: "number", min: "0", step, id: `ceiling-${name}`, placeholder: "as it was" }), label]);
  const node = h("div", { class: "ceilings" }, inputs.map(([name, input, label]) => h("div", { class: "field" }, h("label", { for: `ceiling-${name}` }, label), input)));
  function value() {
    const given = inputs.filter(([, input]) => input.value !== "").map(([name, input]) => [name, Number(input.value)]);
    return given.length ? Object.fromEntries(given) : null;
  }
  return { node, value };
}

/** Ask for ceilings, then do it. */
export function budgetDialog(title, lead, word, doing) {
  const fields = budgetFields();
  const button = h("button", { class: "first", type: "submit" }, word);
  const form = h("form", { on: { submit: done } }, h("p", { class: "soft" }, lead), fields.node,
    h("div", { class: "buttons" }, h("button", { type: "button", on: { click: () => dialog.close() } }, "Leave it"), button));
  const dialog = h("dialog", { "aria-labelledby": "budget-title" }, h("h2", { id: "budget-title" }), form);
  put(dialog.firstChild, title);

  async function done(event) {
    event.preventDefault();
    button.disabled = true;
    await doing(fields.value());
    dialog.close();
  }
  show(dialog);
  button.focus();
}
