// Editor: a script that is written, its lines numbered, with what the checker says as it is written.

import { post } from "./api.js";
import { h, put, say } from "./dom.js";
import { trouble } from "./frame.js";
import { plural } from "./words.js";

const PAUSE_MS = 250;
const LINE = 20; // pixels

/** {node, text(), set(script), check()}; `checked(told)` hears what POST check answers; `more` goes along with the script. */
export function editor({ label, more = {}, checked = () => {} }) {
  const numbers = h("pre", { class: "numbers", "aria-hidden": "true" });
  const area = h("textarea", { class: "mono", spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off", rows: "16", "aria-label": label, on: { input: typed, scroll: scrolled, keydown: tabbed } });
  const said = h("p", { class: "small", role: "status", "aria-live": "polite" });
  const list = h("ul", { class: "diagnostics" });
  const node = h("div", { class: "editor" }, h("div", { class: "editor-box" }, numbers, area), said, list);
  let timer = 0;
  let asking = null;

  function typed() {
    numbered();
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
  }

  function numbered() {
    const lines = area.value.split("\n").length;
    say(numbers, Array.from({ length: lines }, (_, n) => n + 1).join("\n"));
    scrolled();
  }

  function scrolled() {
    numbers.scrollTop = area.scrollTop;
  }

  function tabbed(event) {
    if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || area.selectionStart === area.selectionEnd) return;
    event.preventDefault(); // Tab indents what is chosen, and else goes on
    const [from, to] = [area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, area.selectionEnd];
    area.setRangeText(area.value.slice(from, to).replace(/^/gm, "    "), from, to, "select");
    typed();
  }

  async function check() {
    clearTimeout(timer);
    asking?.abort();
    asking = new AbortController();
    try {
      const told = await post("check", { script: area.value, ...more }, asking.signal);
      shown(told.diagnostics);
      checked(told);
    } catch (error) {
      if (error.name === "AbortError") return;
      put(list, h("li", {}, trouble(error)));
    }
  }

  function shown(diagnostics) {
    const errors = diagnostics.filter((d) => d.severity === "error").length;
    const warnings = diagnostics.length - errors;
    say(said, errors ? `✗ ${plural(errors, "error")}${warnings ? `, ${plural(warnings, "warning")}` : ""}` : warnings ? `✓ Certified, with ${plural(warnings, "warning")}` : "✓ Certified");
    said.className = `small ${errors ? "is-failed" : warnings ? "is-waiting" : "is-done"}`;
    put(list, diagnostics.map((d) => h("li", { class: `diagnostic is-${d.severity === "error" ? "failed" : "waiting"}` },
      h("button", { type: "button", class: "quiet", on: { click: () => to(d.line, d.column) } }, `${d.line}:${d.column}`), h("span", { class: "foreign" }, d.message, d.hint ? h("span", { class: "soft" }, ` ${d.hint}`) : null))));
  }

  function to(line, column) {
    const start = area.value.split("\n").slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0) + Math.max(column - 1, 0);
    area.focus();
    area.setSelectionRange(start, start);
    area.scrollTop = Math.max((line - 4) * LINE, 0);
  }

  function set(script) {
    area.value = script;
    numbered();
    area.scrollTop = Math.max(script.split("\n").findIndex((line) => line.trim()), 0) * LINE; // a playbook's head is empty lines
    check();
  }

  return { node, text: () => area.value, set, shown, close: () => { clearTimeout(timer); asking?.abort(); } };
}
