// Keys: what the keyboard does everywhere, and the page that says so.

import { h, isField } from "./dom.js";

const KEYS = [
  [["j", "k"], "the next or previous row or question"],
  [["Enter"], "open what has the focus"],
  [["a"], "approve the question that has the focus"],
  [["d"], "deny it"],
  [["/"], "search"],
  [["Esc"], "leave a field or dialog; from a run back to the runs"],
  [["[", "]"], "the tab before or after, in a run"],
  [["n"], "a new run"],
  [["g", "r"], "runs (g p playbooks, g h health)"],
  [["?"], "these keys"],
];
const PLACES = { r: "runs", p: "playbooks", k: "plans", s: "schedules", e: "reports", h: "health" };

/** Listen for the keys; `go(path)` follows an address of the console. */
export function listen(go) {
  let before = "";
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      escaped(event, go);
      return;
    }
    if (isField(event.target)) return;
    const key = event.key;
    if (before === "g" && PLACES[key]) go(`/console/${PLACES[key]}`);
    else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
    else if (key === "/") focus("[data-search]");
    else if (key === "?") help();
    else if (key === "n") document.querySelector("[data-new]")?.click();
    else if (key === "a" || key === "d") decide(event.target, key);
    else if (key === "[" || key === "]") document.dispatchEvent(new CustomEvent("planrail-tab", { detail: key === "]" ? 1 : -1 }));
    else {
      before = key === "g" ? "g" : "";
      return;
    }
    before = "";
    event.preventDefault();
  });
}

function escaped(event, go) {
  if (isField(event.target)) {
    event.target.blur();
    return;
  }
  const up = document.querySelector("[data-up]");
  if (up) go(up.getAttribute("href"));
}

function focus(selector) {
  document.querySelector(selector)?.focus();
}

function step(by) {
  const rows = [...document.querySelectorAll("main [data-row]")].filter((row) => row.getClientRects().length > 0);
  if (rows.length === 0) return;
  const now = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[now < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(now + by, 0), rows.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function decide(target, key) {
  const card = target instanceof Element ? target.closest("[data-question]") : null;
  const button = card?.querySelector(key === "a" ? "[data-yes]" : "[data-no]");
  if (button && !button.disabled) button.click();
}

/** The list of keys, in a dialog. */
export function help() {
  const dialog = h("dialog", { "aria-label": "Keys" },
    h("h2", {}, "Keys"),
    h("dl", { class: "keys" }, KEYS.map(([keys, what]) => [h("dt", {}, keys.map((key, n) => [n ? " " : null, h("kbd", {}, key)])), h("dd", {}, what)])),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "first", on: { click: () => dialog.close() } }, "Close")));
  show(dialog);
}

/** Show a dialog until it is closed; the focus goes back to where it was. */
export function show(dialog) {
  const from = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (from instanceof HTMLElement && from.isConnected) from.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}
