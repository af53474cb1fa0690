// Windowed: a list of which only what is in sight stands in the page, however long it is. All its rows are equally high.

import { h, put } from "./dom.js";

const SPARE = 12; // rows above and below what is in sight

/**
 * {node, set(items)}; `row(item, index)` makes what stands in a row of `height` pixels. `label` names the list. Arrow keys, j and
 * k move within it; `chosen(item, index)` hears Enter and clicks.
 */
export function windowed({ height, row, label, chosen = null, most = 480 }) {
  const space = h("div", { class: "window-space" });
  const node = h("div", { class: "window", role: "list", "aria-label": label, tabindex: "-1", style: { "max-height": `${most}px` } }, space);
  let items = [];
  let at = 0; // the row that has the focus, or would have it
  let from = 0;
  let to = 0;
  let waiting = 0;

  function set(next) {
    items = next;
    at = Math.min(at, Math.max(items.length - 1, 0));
    space.style.setProperty("height", `${items.length * height}px`);
    draw(true);
  }

  function draw(anew = false) {
    waiting = 0;
    const sight = node.clientHeight || most;
    const first = Math.max(Math.floor(node.scrollTop / height) - SPARE, 0);
    const last = Math.min(Math.ceil((node.scrollTop + sight) / height) + SPARE, items.length);
    if (!anew && first === from && last === to) return;
    from = first;
    to = last;
    const focused = space.contains(document.activeElement);
    put(space, items.slice(first, last).map((item, n) => {
      const index = first + n;
      return h("div", {
        class: "window-row", role: "listitem", "aria-setsize": items.length, "aria-posinset": index + 1, tabindex: index === at ? "0" : "-1",
        data: { index: String(index) }, style: { top: `${index * height}px`, height: `${height}px` },
      }, row(item, index));
    }));
    if (focused) space.querySelector(`[data-index="${at}"]`)?.focus({ preventScroll: true });
  }

  function move(index) {
    at = Math.min(Math.max(index, 0), items.length - 1);
    const top = at * height;
    if (top < node.scrollTop) node.scrollTop = top;
    else if (top + height > node.scrollTop + node.clientHeight) node.scrollTop = top + height - node.clientHeight;
    draw(true);
    space.querySelector(`[data-index="${at}"]`)?.focus({ preventScroll: true });
  }

  node.addEventListener("scroll", () => { if (!waiting) waiting = requestAnimationFrame(() => draw()); }, { passive: true });
  node.addEventListener("click", (event) => {
    const found = event.target.closest(".window-row");
    if (!found) return;
    move(Number(found.dataset.index));
    chosen?.(items[at], at);
  });
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || items.length === 0) return;
    const page = Math.max(Math.floor(node.clientHeight / height) - 1, 1);
    const next = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: items.length - 1 }[event.key];
    if (next !== undefined) move(next);
    else if (event.key === "Enter" && chosen) chosen(items[at], at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  new ResizeObserver(() => draw()).observe(node);
  return { node, set };
}
