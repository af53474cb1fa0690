// Questions: what the run asks people, with the values that it is about and whose they are, and what is answered.

import { post } from "./api.js";
import { fields, unfit } from "./fields.js";
import { h, newId, put, say } from "./dom.js";
import { trouble } from "./frame.js";
import { value } from "./value.js";
import { ago, count, moment, plural, until } from "./words.js";

const APPROVALS = new Set(["approve", "reconcile", "repeat", "flow", "credential"]);
const YES = { approve: "Approve", reconcile: "It took effect", repeat: "Do it again", credential: "It is set" };
const NO = { approve: "Deny", reconcile: "It did not", repeat: "Take over what it gave", credential: "Go on without" };
const KINDS = { approve: "Approval", flow: "A stranger's values", ask_user: "Question", reconcile: "After a crash", repeat: "Repeat an effect", credential: "A secret is needed" };
const WORDS = { data: "written by a stranger", choice: "chosen by a stranger", control: "decided by a stranger" };
const ROWS = 20; // rows of an approval that are shown at first; of a flow question all are

/** The open questions: {node, update}. */
export function questions(context) {
  const list = h("div", { class: "questions" });
  const node = h("section", { "aria-label": "Questions" }, list);
  const cards = new Map();

  function update(view) {
    const open = new Map(view.questions.map((q) => [q.id, q]));
    const may = view.may_approve !== false;
    for (const [id, card] of cards) {
      if (!open.has(id)) {
        card.node.remove();
        cards.delete(id);
      }
    }
    for (const question of view.questions) {
      if (!cards.has(question.id)) {
        const card = made(context, question, may);
        cards.set(question.id, card);
        list.append(card.node);
      }
      cards.get(question.id).update(view);
    }
    node.hidden = cards.size === 0;
  }

  return { node, update };
}

function made(context, question, may) {
  const title = newId("question");
  const problem = h("div", {});
  const when = h("span", { class: "soft small" });
  const allowed = may || !APPROVALS.has(question.kind);
  const body = question.kind === "flow" ? flow(question, send) : question.kind === "ask_user" ? asked(question, send, problem) : approval(question, send);
  const node = h("article", { class: "question", tabindex: "0", "data-row": true, "data-question": question.id, "aria-labelledby": title },
    h("header", {}, h("span", { class: "pill is-waiting" }, h("span", { class: "glyph", "aria-hidden": "true" }, "?"), KINDS[question.kind] ?? question.kind), when),
    h("h2", { id: title, class: "foreign" }, question.text),
    question.agent ? h("p", { class: "soft" }, `Asked by the agent ${question.agent}.`) : null,
    body.node, problem,
    allowed ? null : h("p", { class: "soft" }, "This is for a person, or for a key with the scope approve whose run it is not."));
  const buttons = [...node.querySelectorAll("[data-decides]")];
  if (!allowed) buttons.forEach((b) => { b.disabled = true; });

  async function send(answer, refused = false) {
    buttons.forEach((b) => { b.disabled = true; });
    put(problem);
    try {
      await post(`${context.path}/answer`, { question: question.id, answer, refused });
      node.classList.add("answered");
      put(problem, h("p", { class: "soft", role: "status" }, "Answered."));
      await context.act(async () => true, "Answered.");
    } catch (error) {
      put(problem, trouble(error));
      buttons.forEach((b) => { b.disabled = !allowed; });
    }
  }

  function update(view) {
    const said = [];
    if (question.asked_at) said.push(`asked ${ago(question.asked_at)}`);
    if (question.expires_at) said.push(`counts as refused ${until(question.expires_at)}, at ${moment(question.expires_at)}`);
    if (view.reminders?.[question.id]) said.push(`reminded ${plural(view.reminders[question.id], "time")}`);
    if (question.of && question.of !== question.id && !question.of.startsWith("$")) said.push(`step ${question.of}${question.item ? `[${question.item}]` : ""}`);
    say(when, said.join(" · "));
  }

  return { node, update };
}

function decide(label, kind, key, on) {
  return h("button", { type: "button", class: kind === "yes" ? "first" : "", "data-decides": true, [kind === "yes" ? "data-yes" : "data-no"]: true, on: { click: on } }, label, " ", h("kbd", {}, key));
}

function approval(question, send) {
  const rows = Array.isArray(question.shown) ? question.shown : [];
  const list = h("ul", { class: "effects" });
  const wanted = rows.map((row, n) => [row, n]).filter(([row, n]) => n < ROWS || row.flows?.length);
  put(list, wanted.map(([row]) => h("li", {}, effect(row))));
  const hidden = rows.length - wanted.length;
  const more = hidden ? h("button", { type: "button", class: "quiet", on: { click: () => { put(list, rows.map((row) => h("li", {}, effect(row)))); more.remove(); } } }, `Show all ${count(rows.length)}`) : null;
  return {
    node: h("div", {}, rows.length ? h("p", { class: "soft small" }, covered(question.kind, rows.length)) : null, list, more,
      h("div", { class: "buttons" }, decide(YES[question.kind] ?? "Yes", "yes", "a", () => send(true)), decide(NO[question.kind] ?? "No", "no", "d", () => send(false)))),
  };
}

function covered(kind, number) {
  if (kind === "approve") return `Yes allows exactly ${number === 1 ? "this call" : `these ${count(number)} calls`}:`;
  return number === 1 ? "It is about this call:" : `It is about these ${count(number)} calls:`;
}

/** A call with its bound arguments, and which of these a stranger had a part in. */
function effect(row) {
  const flows = new Map((row.flows ?? []).map((f) => [f.argument, f]));
  const args = row.arguments && typeof row.arguments === "object" ? Object.entries(row.arguments) : [];
  return h("div", { class: "effect" },
    h("div", {}, h("code", { class: "foreign" }, row.tool ?? row.step), row.item ? h("span", { class: "soft" }, ` item ${row.item}`) : null, row.note ? h("span", { class: "is-waiting" }, ` ${row.note}`) : null),
    flows.has("") ? origins(flows.get("")) : null,
    args.length ? h("dl", { class: "facts" }, args.map(([name, given]) => [h("dt", { class: "foreign" }, name), h("dd", {}, value(given), flows.has(name) ? origins(flows.get(name)) : null)])) : null);
}

function origins(flow) {
  return h("p", { class: "origins is-waiting foreign" }, `⚠ ${WORDS[flow.kind] ?? flow.kind}: ${(flow.origins ?? []).map((o) => String(o).replace(/^tool /, "")).join(", ")}`);
}

/** What strangers wrote, value by value: each may be allowed for itself. */
function flow(question, send) {
  const rows = Array.isArray(question.shown) ? question.shown : [];
  const ticks = rows.map((row) => h("input", { type: "checkbox", id: newId("allow"), "aria-label": `Allow ${row.number}`, on: { change: chosen } }));
  const some = h("button", { type: "button", "data-decides": true, on: { click: () => send(rows.filter((_, n) => ticks[n].checked).map((r) => r.number)) } });
  const list = h("ol", { class: "effects" }, rows.map((row, n) => h("li", {}, h("div", { class: "allow" },
    rows.length > 1 ? ticks[n] : null,
    h("div", { class: "effect" },
      h("div", {}, `${row.number}. `, h("code", { class: "foreign" }, row.tool), row.argument ? [" ", h("strong", { class: "foreign" }, row.argument)] : " the whole call", h("span", { class: "soft small" }, ` step ${row.step}${row.item ? `[${row.item}]` : ""}`)),
      value(row.value), origins(row),
      row.hash ? h("p", { class: "soft small" }, "digest ", h("code", { title: row.hash }, row.hash.slice(0, 16))) : null)))));
  function chosen() {
    const number = ticks.filter((t) => t.checked).length;
    put(some, number ? `Allow the ${count(number)} chosen` : "Allow the chosen");
    some.disabled = number === 0;
  }
  chosen();
  return {
    node: h("div", {}, list, h("div", { class: "buttons" }, decide(rows.length > 1 ? `Allow all ${count(rows.length)}` : "Allow it", "yes", "a", () => send(true)), rows.length > 1 ? some : null, decide(rows.length > 1 ? "Allow none" : "Deny it", "no", "d", () => send(false)))),
  };
}

/** A free answer, by the schema that it has to fit. */
function asked(question, send, problem) {
  const schema = question.answer_schema ?? { type: "string" };
  const form = fields(schema);
  const node = h("form", { on: { submit: read } }, form.node,
    h("div", { class: "buttons" }, h("button", { type: "submit", class: "first", "data-decides": true }, "Send the answer"), h("button", { type: "button", "data-decides": true, "data-no": true, on: { click: () => send(null, true) } }, "Refuse")));
  node.noValidate = true;
  function read(event) {
    event.preventDefault();
    try {
      send(form.read());
    } catch (error) {
      unfit(problem, error);
    }
  }
  return { node };
}
