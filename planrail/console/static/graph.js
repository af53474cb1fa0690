// Graph: the plan's steps and what they need of one another, drawn in layers.

import { get } from "./api.js";
import { h, put, svg } from "./dom.js";
import { trouble } from "./frame.js";
import { layered } from "./layers.js";
import { count, MARKS, STEP_WORDS, stepClass } from "./words.js";

const MOST = 200;
const WIDE = 168;
const HIGH = 46;
const NARROW = 8; // an edge that passes a layer
const ACROSS = 24;
const DOWN = 44;

/** The view: {node, update, opened}. */
export function graph(context) {
  const note = h("p", { class: "soft small" });
  const place = h("div", { class: "graph", tabindex: "0", role: "region", "aria-label": "Graph of the steps", on: { keydown: moved } });
  const node = h("div", { class: "panel" }, place, h("div", { class: "body" }, note));
  let boxes = new Map();
  let states = new Map();
  let loaded = "";
  let certified = "";

  async function load() {
    if (loaded === certified && loaded) return;
    loaded = certified;
    if (!certified) {
      put(place, h("p", { class: "body soft" }, "There is no plan yet."));
      return;
    }
    try {
      const told = await get(`${context.path}/graph`, context.signal);
      draw(told);
    } catch (error) {
      loaded = "";
      put(place, trouble(error));
    }
  }

  function draw(told) {
    const shown = told.nodes.slice(0, MOST);
    const known = new Set(shown.map((n) => n.id));
    const edges = told.edges.filter(([a, b]) => known.has(a) && known.has(b));
    put(note, told.nodes.length > MOST ? `The first ${count(MOST)} of ${count(told.nodes.length)} steps are drawn; the plan and the timeline have all. ` : "", "A line leads from a step to what needs it. Enter shows a step in the plan.");
    if (!shown.length) {
      put(place, h("p", { class: "body soft" }, "The plan has no steps."));
      return;
    }
    const { at, ways, width, height } = placed(shown, edges);
    boxes = new Map(shown.map((n) => [n.id, box(n, at.get(n.id))]));
    const [first] = boxes.values();
    first.setAttribute("tabindex", "0");
    put(place, svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "list", "aria-label": "Steps" },
      svg("g", { class: "edges", "aria-hidden": "true" }, ways.map((way) => svg("path", { d: curve(way.map((id) => at.get(id))) }))), [...boxes.values()]));
    place.scrollLeft = (place.scrollWidth - place.clientWidth) / 2;
    marks();
  }

  function box(step, { x, y }) {
    const label = step.label && step.label !== step.id ? step.label : step.kind;
    const group = svg("g", { class: "node", transform: `translate(${x} ${y})`, tabindex: "-1", role: "listitem", data: { step: step.id }, on: { click: () => context.line(step.line) } },
      svg("rect", { width: WIDE, height: HIGH, rx: 7 }),
      svg("text", { class: "node-mark", x: 12, y: 28 }, MARKS.waiting),
      svg("text", { class: "node-id", x: 30, y: 20 }, cut(step.id, 18)),
      svg("text", { class: "node-call", x: 30, y: 36 }, cut(label, 20)),
      svg("title", {}, `${step.id}: ${label}, line ${step.line}`));
    group.line = step.line;
    return group;
  }

  function marks() {
    for (const [id, group] of boxes) {
      const state = states.get(id) ?? "waiting";
      group.setAttribute("class", `node ${stepClass(state)}`);
      group.setAttribute("aria-label", `${id}, ${STEP_WORDS[state]}, line ${group.line}`);
      group.children[1].textContent = MARKS[state];
    }
  }

  function moved(event) {
    const listed = [...boxes.values()];
    const now = listed.indexOf(document.activeElement);
    if (event.key === "Enter" && now >= 0) {
      event.preventDefault();
      context.line(listed[now].line);
      return;
    }
    const by = { ArrowDown: 1, ArrowRight: 1, j: 1, ArrowUp: -1, ArrowLeft: -1, k: -1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const to = listed[Math.min(Math.max(now + by, 0), listed.length - 1)];
    listed.forEach((g) => g.setAttribute("tabindex", g === to ? "0" : "-1"));
    to.focus();
  }

  function update(view) {
    certified = view.certificate?.hash ?? "";
    states = new Map(view.steps.map((s) => [s.id, s.state]));
    if (!place.hidden && loaded !== certified && node.isConnected) load();
    marks();
  }

  return { node, update, opened: load };
}

/** Where each node and each place of an edge has its left upper corner; an edge's place is narrow. */
function placed(nodes, edges) {
  const boxes = new Set(nodes.map((n) => n.id));
  const { layers, ways } = layered([...boxes], edges);
  const room = (id) => (boxes.has(id) ? WIDE : NARROW) + ACROSS;
  const wide = layers.map((layer) => layer.reduce((sum, id) => sum + room(id), ACROSS));
  const width = Math.max(...wide);
  const at = new Map();
  layers.forEach((layer, depth) => {
    let x = (width - wide[depth]) / 2 + ACROSS;
    for (const id of layer) {
      at.set(id, { x, y: ACROSS + depth * (HIGH + DOWN), middle: x + (room(id) - ACROSS) / 2 });
      x += room(id);
    }
  });
  return { at, ways, width, height: layers.length * (HIGH + DOWN) - DOWN + 2 * ACROSS };
}

/** From the foot of the first to the head of the last, straight through the layers in between. */
function curve(points) {
  let path = `M${points[0].middle} ${points[0].y + HIGH}`;
  for (let n = 1; n < points.length; n += 1) {
    const [from, to] = [points[n - 1], points[n]];
    const [y1, y2] = [from.y + HIGH, to.y];
    path += `C${from.middle} ${y1 + DOWN / 2} ${to.middle} ${y2 - DOWN / 2} ${to.middle} ${y2}`;
    if (n < points.length - 1) path += `V${to.y + HIGH}`;
  }
  return path;
}

function cut(text, most) {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
