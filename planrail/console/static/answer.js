// Answer: what the run gave.

import { h, put } from "./dom.js";
import { json, value } from "./value.js";
import { OVER } from "./words.js";

/** The view: {node, update}. */
export function answer() {
  const place = h("div", { class: "body" });
  const whole = h("button", { type: "button", class: "quiet", "aria-pressed": "false", on: { click: turn } }, "JSON");
  const node = h("section", { class: "panel answer", "aria-label": "Answer", hidden: true }, h("header", {}, h("h2", {}, "Answer"), whole), place);
  let shown;
  let asJson = false;

  function turn() {
    asJson = !asJson;
    whole.setAttribute("aria-pressed", String(asJson));
    draw();
  }

  function draw() {
    put(place, asJson ? json(shown) : value(shown));
  }

  function update(view) {
    node.hidden = !OVER.has(view.status) || view.answer === null || view.answer === undefined;
    if (node.hidden || JSON.stringify(shown) === JSON.stringify(view.answer)) return;
    shown = view.answer;
    whole.hidden = typeof shown !== "object";
    draw();
  }

  return { node, update };
}
