// Fields: a form for a value that a JSON Schema describes: texts, numbers, yes or no, a choice, lists, records of these.

import { h, newId, put } from "./dom.js";

const DEEPEST = 4;

/** Something that was not filled in as the schema wants it. */
export class Unfit extends Error {}

/**
 * Fields for one value: {node, read(), focus()}. `read` gives the value, undefined where nothing was written and nothing is needed;
 * it raises Unfit, which names the field. `first` is what stands in it.
 */
export function fields(schema, { label = "Answer", needed = true, first, depth = 0 } = {}) {
  const wanted = schema && typeof schema === "object" ? schema : {};
  const nullable = (wanted.anyOf ?? wanted.oneOf ?? []).some((s) => s.type === "null") || (Array.isArray(wanted.type) && wanted.type.includes("null"));
  const plain = single(wanted);
  const given = { label: wanted.title ?? label, needed: needed && !nullable, empty: nullable && needed ? null : undefined, first: first ?? wanted.default, hint: wanted.description ?? "", depth };
  if (plain.enum || "const" in plain) return choice(plain.enum ?? [plain.const], given);
  if (depth > DEEPEST) return written(plain, given);
  switch (plain.type) {
    case "boolean": return truth(given);
    case "integer":
    case "number": return figure(plain, given);
    case "string": return words(plain, given);
    case "object": return plain.properties && Object.keys(plain.properties).length ? record(plain, given) : written(plain, given);
    case "array": return list(plain, given);
    default: return Object.keys(plain).length ? written(plain, given) : words({}, given);
  }
}

/** The schema without "or null". */
function single(schema) {
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((t) => t !== "null");
    return types.length === 1 ? { ...schema, type: types[0] } : { "x-any": true };
  }
  const parts = (schema.anyOf ?? schema.oneOf)?.filter((s) => s.type !== "null");
  if (!parts) return schema;
  return parts.length === 1 ? { ...parts[0], description: schema.description ?? parts[0].description } : { "x-any": true };
}

function framed(given, input, extra = "") {
  const id = newId("field");
  input.id = id;
  const hint = [given.hint, extra, given.needed ? "" : "May stay empty."].filter(Boolean).join(" ");
  const hintId = newId("hint");
  if (hint) input.setAttribute("aria-describedby", hintId);
  return h("div", { class: "field" }, h("label", { for: id }, given.label), input, hint ? h("span", { class: "hint foreign", id: hintId }, hint) : null);
}

function missing(given) {
  if (given.needed) throw new Unfit(`${given.label} is needed.`);
  return given.empty;
}

function choice(choices, given) {
  const said = (c) => (typeof c === "string" ? c : JSON.stringify(c));
  const at = choices.findIndex((c) => JSON.stringify(c) === JSON.stringify(given.first));
  if (choices.length <= 4 && given.needed) {
    const name = newId("choice");
    const radios = choices.map((c, n) => h("input", { type: "radio", name, id: `${name}-${n}`, value: String(n), checked: n === at }));
    const node = h("fieldset", { class: "field" }, h("legend", {}, given.label), radios.map((r, n) => h("div", { class: "field tick" }, r, h("label", { for: r.id, class: "foreign" }, said(choices[n])))));
    return { node, focus: () => radios[Math.max(at, 0)].focus(), read: () => { const n = radios.findIndex((r) => r.checked); return n < 0 ? missing(given) : choices[n]; } };
  }
  const select = h("select", {}, h("option", { value: "" }, given.needed ? "Choose …" : "–"), choices.map((c, n) => h("option", { value: String(n) }, said(c))));
  select.value = at < 0 ? "" : String(at);
  return { node: framed(given, select), focus: () => select.focus(), read: () => (select.value === "" ? missing(given) : choices[Number(select.value)]) };
}

function truth(given) {
  const name = newId("truth");
  const radios = [true, false].map((v) => h("input", { type: "radio", name, id: `${name}-${v}`, checked: given.first === v }));
  const node = h("fieldset", { class: "field" }, h("legend", {}, given.label), radios.map((r, n) => h("div", { class: "field tick" }, r, h("label", { for: r.id }, n ? "No" : "Yes"))), given.hint ? h("span", { class: "hint" }, given.hint) : null);
  return { node, focus: () => radios[0].focus(), read: () => (radios[0].checked ? true : radios[1].checked ? false : missing(given)) };
}

function figure(schema, given) {
  const input = h("input", { type: "number", step: schema.type === "integer" ? "1" : "any", min: schema.minimum, max: schema.maximum });
  if (given.first !== undefined && given.first !== null) input.value = String(given.first);
  const bounds = schema.minimum !== undefined || schema.maximum !== undefined ? `${schema.minimum !== undefined ? `From ${schema.minimum}` : ""}${schema.maximum !== undefined ? ` up to ${schema.maximum}` : ""}.`.trim() : "";
  function read() {
    if (input.value.trim() === "" && !input.validity.badInput) return missing(given);
    const number = Number(input.value);
    if (!input.checkValidity() || !Number.isFinite(number)) throw new Unfit(`${given.label}: ${input.validationMessage || "a number, please"}`);
    return number;
  }
  return { node: framed(given, input, bounds), focus: () => input.focus(), read };
}

const KINDS = { date: "date", email: "email", uri: "url" };

function words(schema, given) {
  const kind = KINDS[schema.format];
  const long = !kind && (schema.maxLength === undefined || schema.maxLength > 200) && given.depth === 0;
  const input = long ? h("textarea", { rows: "2" }) : h("input", { type: kind ?? "text", maxlength: schema.maxLength });
  if (given.first !== undefined && given.first !== null) input.value = String(given.first);
  const form = schema.format && schema.format !== "email" ? `A ${schema.format}.` : "";
  function read() {
    if (input.value === "") return given.needed && (schema.minLength ?? 1) > 0 ? missing(given) : (given.empty === null ? null : given.needed ? "" : undefined);
    if (!input.checkValidity()) throw new Unfit(`${given.label}: ${input.validationMessage}`);
    return input.value;
  }
  return { node: framed(given, input, form), focus: () => input.focus(), read };
}

function record(schema, given) {
  const needs = new Set(schema.required ?? Object.keys(schema.properties));
  const parts = Object.entries(schema.properties).map(([name, inner]) => [name, fields(inner, { label: name, needed: needs.has(name), first: given.first?.[name], depth: given.depth + 1 })]);
  const inside = h("div", { class: given.depth ? "fields" : null }, parts.map(([, part]) => part.node));
  const node = given.depth ? h("fieldset", { class: "field" }, h("legend", {}, given.label), inside) : inside;
  function read() {
    const found = parts.map(([name, part]) => [name, part.read()]).filter(([, v]) => v !== undefined);
    return !given.needed && found.length === 0 ? given.empty : Object.fromEntries(found);
  }
  return { node, focus: () => parts[0][1].focus(), read };
}

function list(schema, given) {
  const inner = single(schema.items ?? {});
  if (inner.type === "object" || inner.type === "array" || inner["x-any"]) return written(schema, given);
  const input = h("textarea", { rows: "3" });
  if (Array.isArray(given.first)) input.value = given.first.join("\n");
  function read() {
    const lines = input.value.split("\n").map((l) => l.trim()).filter(Boolean);
    if (!lines.length) return given.needed && schema.minItems ? missing(given) : given.needed ? [] : given.empty;
    return lines.map((line) => element(inner, line, given.label));
  }
  return { node: framed(given, input, "One on each line."), focus: () => input.focus(), read };
}

function element(schema, line, label) {
  if (schema.enum) {
    const found = schema.enum.find((c) => String(c) === line);
    if (found === undefined) throw new Unfit(`${label}: ${line} is none of ${schema.enum.join(", ")}.`);
    return found;
  }
  if (schema.type === "integer" || schema.type === "number") {
    if (!Number.isFinite(Number(line))) throw new Unfit(`${label}: ${line} is no number.`);
    return Number(line);
  }
  if (schema.type === "boolean") return /^(yes|true|y)$/i.test(line);
  return line;
}

/** A value that is written as JSON, or as a text where it is none. */
function written(schema, given) {
  const input = h("textarea", { rows: "4", class: "mono", spellcheck: "false" });
  if (given.first !== undefined) input.value = JSON.stringify(given.first, null, 2);
  function read() {
    if (input.value.trim() === "") return missing(given);
    try {
      return JSON.parse(input.value);
    } catch {
      if (schema.type) throw new Unfit(`${given.label}: that is no JSON.`);
      return input.value;
    }
  }
  return { node: framed(given, input, "As JSON."), focus: () => input.focus(), read };
}

/** Show why a form could not be read. */
export function unfit(place, error) {
  if (!(error instanceof Unfit)) throw error;
  put(place, h("p", { class: "problem", role: "alert" }, error.message));
}
