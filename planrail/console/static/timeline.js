// Timeline: when each step was in flight, on one clock without the time in which nothing was; waits hatched, retries marked.

import { h, put, say } from "./dom.js";
import { count, MARKS, moment, plural, seconds, STEP_WORDS, stepClass, until } from "./words.js";
import { windowed } from "./windowed.js";

const HEIGHT = 30;
const WAITS = new Set(["wait", "poll", "approve", "ask_user", "first"]);

/** The view: {node, update}. */
export function timeline(context) {
  const lead = h("p", { class: "soft small" });
  const axis = h("div", { class: "axis", "aria-hidden": "true" });
  const list = windowed({ height: HEIGHT, label: "Steps by time", row, chosen: (step) => context.line(step.line), most: 600 });
  const node = h("div", { class: "panel timeline" }, h("div", { class: "body" }, lead), h("div", { class: "time-head" }, h("span", {}), axis, h("span", {})), list.node);
  let length = 0;

  function update(view) {
    const steps = view.steps.filter((s) => s.kind !== "let" && (s.spans.length || s.state === "running" || s.state === "asking" || s.due || WAITS.has(s.kind)));
    length = view.busy_s;
    say(lead, steps.length ? `${seconds(length)} in which calls were in flight, of ${plural(view.steps.length, "step")}; the time in which none was is left out.` : "No call was in flight yet.");
    put(axis, [0, 0.25, 0.5, 0.75, 1].map((part) => h("span", { style: { left: `${part * 100}%` } }, seconds(length * part))));
    list.set(steps);
  }

  function row(step) {
    const track = h("div", { class: "track", "aria-hidden": "true" });
    for (const [from, to] of step.spans) track.append(h("i", { class: `span ${stepClass(step.state)}`, style: place(from, to) }));
    const waits = step.state === "asking" || (step.state === "running" && (step.due || WAITS.has(step.kind)));
    if (waits) track.append(h("i", { class: "span hatched", style: { left: `${Math.min((100 * (step.spans.at(-1)?.[1] ?? length)) / (length || 1), 96)}%`, right: "0" } }));
    for (let n = 0; n < Math.min(step.retries, 5) && step.spans.length; n += 1) {
      const last = step.spans.at(-1);
      track.append(h("i", { class: "retry", style: { left: `${(100 * (step.spans[0][0] + ((last[1] - step.spans[0][0]) * (n + 1)) / (Math.min(step.retries, 5) + 1))) / (length || 1)}%` } }));
    }
    const said = [step.map && step.of !== null ? `${count(step.done)} of ${count(step.of)}` : null, step.retries ? plural(step.retries, "retry", "retries") : null, step.due ? `due ${until(step.due)}` : step.state === "asking" ? "asks" : step.seconds ? seconds(step.seconds) : null].filter(Boolean);
    return h("div", { class: "time-row", title: `${step.id}: ${STEP_WORDS[step.state]}${step.due ? `, due ${moment(step.due)}` : ""}` },
      h("span", { class: "time-name" }, h("span", { class: stepClass(step.state) }, h("span", { class: "glyph" }, MARKS[step.state])), h("code", {}, step.id), h("span", { class: "unseen" }, STEP_WORDS[step.state])), track, h("span", { class: "time-end soft small" }, said.join(" · ")));
  }

  function place(from, to) {
    const left = length ? (100 * from) / length : 0;
    return { left: `${Math.min(left, 99.6)}%`, width: `max(3px, ${length ? (100 * (to - from)) / length : 0}%)` };
  }

  return { node, update };
}
