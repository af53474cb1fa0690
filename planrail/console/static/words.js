// Words: numbers, times and states as people read them.

const NUMBER = new Intl.NumberFormat("en");

export const MARKS = { waiting: "·", running: "…", asking: "?", done: "✓", failed: "✗", skipped: "–" };
export const STEP_WORDS = { waiting: "not reached", running: "under way", asking: "asks a person", done: "done", failed: "failed", skipped: "skipped: its if was false" };
export const STATUSES = ["waiting", "running", "queued", "failed", "partial", "cancelled", "done"];
export const STATUS_MARKS = { queued: "○", running: "●", waiting: "?", done: "✓", failed: "✗", partial: "◐", cancelled: "–" };
export const OVER = new Set(["done", "failed", "partial", "cancelled"]);

/** The class by which a step's state is coloured: one that is not reached is not a run that waits. */
export function stepClass(state) {
  return state === "waiting" ? "is-open" : `is-${state}`;
}

/** 12,345 */
export function count(number) {
  return NUMBER.format(number);
}

/** 1 call, 2 calls */
export function plural(number, word, words = `${word}s`) {
  return `${count(number)} ${number === 1 ? word : words}`;
}

/** Money with as many digits as it takes to see some. */
export function dollars(usd) {
  return usd === 0 || usd >= 1 ? `$${usd.toFixed(2)}` : `$${usd.toFixed(4)}`;
}

/** 40 ms, 3.2 s, 2 min 5 s, 3 h 10 min, 2 d 4 h */
export function seconds(number) {
  if (number < 0.9995) return `${Math.round(number * 1000)} ms`;
  if (number < 119.95) return `${number.toFixed(1)} s`;
  const whole = Math.round(number);
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** The same for a clock that ticks by the second. */
export function clock(number) {
  if (number < 60) return `${Math.floor(number)} s`;
  return seconds(Math.max(number, 120) === number ? number : Math.floor(number)).replace(/^(\d+)\.\d s$/, (_, s) => `${Math.floor(s / 60)} min ${s % 60} s`);
}

/** 2026-11-29 12:08:06, by the clock of whoever looks. */
export function moment(iso) {
  if (!iso) return "";
  const at = new Date(iso);
  const two = (n) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** just now, 5 min ago, 3 h ago, 2 d ago; beyond a month the day. */
export function ago(iso, now = Date.now()) {
  if (!iso) return "";
  const past = (now - new Date(iso).getTime()) / 1000;
  if (past < 0) return until(iso, now);
  if (past < 5) return "just now";
  if (past < 60) return `${Math.floor(past)} s ago`;
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 86400) return `${Math.floor(past / 3600)} h ago`;
  if (past < 2592000) return `${Math.floor(past / 86400)} d ago`;
  return moment(iso).slice(0, 10);
}

/** in 5 min */
export function until(iso, now = Date.now()) {
  const left = (new Date(iso).getTime() - now) / 1000;
  if (left <= 0) return "now";
  return left < 60 ? `in ${Math.ceil(left)} s` : `in ${seconds(Math.max(left, 120) === left ? left : Math.ceil(left)).replace(/\.\d s$/, " s")}`;
}

/** A JSON value on one line, at most so long; a text as it is. */
export function told(value, most = 200) {
  const text = (typeof value === "string" ? value : JSON.stringify(value) ?? "").replace(/\s+/g, " ").trim();
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** tokens that were read and written */
export function tokens(usage) {
  return (usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0);
}

/** What is shown of a run as its title. */
export function title(run) {
  return run.goal || (run.playbook ? `Playbook ${run.playbook}` : "A script");
}

/** Where the plan comes from. */
export function origin(view) {
  const by = { planner: "written by a model", script: "a script that was submitted", plan: "a plan that was submitted", react: "none: ReAct", replan: "replanned" };
  if (view.template) return `kept plan, from ${plural(view.template_runs, "run")}`;
  if (view.playbook) return `${view.plan_source === "fallback" ? "fallback" : "playbook"} ${view.playbook}`;
  return by[view.plan_source] ?? (view.plan_source || "no plan yet");
}
