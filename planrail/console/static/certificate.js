// Certificate: what was proved of the plan before it ran: the worst case beside what was taken, effects, flows, tools, warnings.

import { h, put } from "./dom.js";
import { count, dollars, plural, seconds, tokens } from "./words.js";

const DECISIONS = { ask: "a person is asked", deny: "refused", listed: "listed only" };

/** The view: {node, update}. */
export function certificate(context) {
  const node = h("div", {});
  let shown = "";

  function update(view) {
    const key = JSON.stringify([view.certificate?.hash, view.cost.usage, view.cost.tool_calls, view.status]);
    if (key === shown) return;
    shown = key;
    const c = view.certificate;
    if (!c) {
      put(node, h("div", { class: "empty" }, "No plan is certified yet."));
      return;
    }
    put(node, worst(c.worst_case, view), effects(c.effects, context), flows(c.flows, context), warnings(c.warnings, context), binding(c));
  }

  return { node, update };
}

function worst(most, view) {
  const rows = [
    ["Tool calls", most.calls, view.cost.tool_calls, count], ["Model calls", most.model_calls, view.cost.usage.model_calls, count],
    ["Tokens", tokens(most), tokens(view.cost.usage), count], ["Cost", most.usd, view.cost.usage.usd, dollars],
    ["Time", most.seconds, view.busy_s, seconds],
  ];
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "The worst case"), h("span", { class: "soft small" }, plural(most.steps, "step"))),
    h("table", {}, h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col", class: "number" }, "At most"), h("th", { scope: "col", class: "number" }, "Taken"), h("td", { class: "wide" }))),
      h("tbody", {}, rows.map(([name, limit, taken, word]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, word(limit)), h("td", { class: "number" }, word(taken)), h("td", { class: "wide" }, limit ? h("span", { class: `meter${taken > limit ? " is-waiting" : ""}`, "aria-hidden": "true" }, h("i", { style: { width: `${Math.min((100 * taken) / limit, 100)}%` } })) : null))))),
    h("p", { class: "body soft small" }, "One attempt a step; retries and repairs draw on the reserve. Taken is the run's own, with the planner's calls."));
}

function effects(listed, context) {
  if (!listed.length) return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Effects")), h("p", { class: "body soft" }, "None: the plan only reads."));
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Effects"), h("span", { class: "soft small" }, plural(listed.length, "place"))),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Line", "Tool", "Effect", "At most", "With"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, listed.map((e) => h("tr", {}, h("td", {}, lineOf(e.line, context)), h("td", {}, h("code", {}, e.tool)), h("td", {}, h("span", { class: e.effect === "irreversible" ? "is-failed" : "" }, e.effect)), h("td", { class: "number" }, count(e.times)),
        h("td", { class: "args" }, Object.entries(e.arguments).map(([name, source]) => h("div", {}, h("span", { class: "soft" }, `${name} = `), h("code", { class: "foreign" }, source))), e.guarded_by.length ? h("div", { class: "soft small" }, `only ${e.guarded_by.join(", ")}`) : null)))))));
}

function flows(listed, context) {
  if (!listed.length) return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Flows")), h("p", { class: "body soft" }, "Nothing untrusted reaches a sensitive argument."));
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Flows"), h("span", { class: "soft small" }, "what strangers may reach")),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Line", "Where", "From", "Policy"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, listed.map((f) => h("tr", {}, h("td", {}, lineOf(f.line, context)), h("td", {}, h("code", {}, f.tool), f.argument ? [" ", h("strong", { class: "foreign" }, f.argument)] : h("span", { class: "soft" }, f.kind === "choice" ? " whether and how often" : " the call itself")), h("td", { class: "foreign" }, f.origins.map((o) => String(o).replace(/^tool /, "")).join(", ")), h("td", {}, h("span", { class: f.decision === "ask" ? "is-waiting" : f.decision === "deny" ? "is-failed" : "soft" }, DECISIONS[f.decision] ?? f.decision))))))));
}

function warnings(listed, context) {
  if (!listed.length) return null;
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Warnings")), h("ul", { class: "troubles" }, listed.map((w) => h("li", {}, lineOf(w.line, context), " ", h("span", { class: "foreign" }, w.message), " ", h("span", { class: "soft foreign" }, w.hint)))));
}

function binding(c) {
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, "What it binds")), h("dl", { class: "facts body" },
    h("dt", {}, "Certificate"), h("dd", {}, h("code", {}, c.hash)), h("dt", {}, "Plan"), h("dd", {}, h("code", {}, c.plan)), h("dt", {}, "Policy"), h("dd", {}, h("code", {}, c.policy)),
    h("dt", {}, "Tools"), h("dd", {}, Object.keys(c.tools).map((t) => h("div", {}, h("code", { title: c.tools[t] }, t)))),
    Object.keys(c.bounds).length ? [h("dt", {}, "Maps"), h("dd", {}, Object.entries(c.bounds).map(([step, most]) => h("div", {}, h("code", {}, step), h("span", { class: "soft" }, ` at most ${plural(most, "item")}`))))] : null));
}

function lineOf(number, context) {
  return h("button", { type: "button", class: "quiet", "aria-label": `Show line ${number}`, on: { click: () => context.line(number) } }, String(number));
}
