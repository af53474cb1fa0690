// App: who is signed in, which page the address means, and the way from one to the other.

import { look, signIn, session, whenLost } from "./api.js";
import { h, put } from "./dom.js";
import { frame, tell, trouble } from "./frame.js";
import { health } from "./health.js";
import { help, listen } from "./keys.js";
import { plans } from "./plans.js";
import { playbooks } from "./playbooks.js";
import { report, reports } from "./reports.js";
import { run } from "./run.js";
import { runs } from "./runs.js";
import { schedules } from "./schedules.js";
import { signin } from "./signin.js";

const ROUTES = [
  [/^\/console\/?$/, "runs", () => runs()],
  [/^\/console\/runs\/?$/, "runs", () => runs()],
  [/^\/console\/runs\/([^/]+)\/?$/, "runs", (id) => run(id)],
  [/^\/console\/playbooks\/?$/, "playbooks", () => playbooks(go)],
  [/^\/console\/plans\/?$/, "plans", () => plans()],
  [/^\/console\/schedules\/?$/, "schedules", () => schedules()],
  [/^\/console\/reports\/?$/, "reports", () => reports()],
  [/^\/console\/reports\/([^/]+)\/?$/, "reports", (name) => report(name)],
  [/^\/console\/health\/?$/, "health", () => health()],
];
const place = document.getElementById("console");
let house = null; // the frame, while somebody is signed in
let page = null;

/** Go to an address of the console. */
export function go(path) {
  history.pushState(null, "", path);
  shown(true);
}

function shown(moved) {
  page?.close?.();
  document.body.classList.remove("loading");
  if (house === null) return;
  const path = location.pathname;
  const [route, found] = match(path);
  page = found ? route[2](...found.slice(1).map(decodeURIComponent)) : missing();
  house.at(route?.[1] ?? "");
  put(house.main, page.node);
  page.waiting?.(house.waiting);
  titled(page.title);
  if (moved) {
    scrollTo(0, 0);
    (page.focus ?? house.main.querySelector("h1") ?? house.main).focus({ preventScroll: true });
  }
}

function match(path) {
  for (const route of ROUTES) {
    const found = route[0].exec(path);
    if (found) return [route, found];
  }
  return [null, null];
}

/** What stands in the browser's tab. */
export function titled(title) {
  document.title = title ? `${title} · Planrail` : "Planrail";
}

function missing() {
  return { title: "Nothing here", node: h("div", { class: "empty" }, h("h2", {}, "There is no such page"), h("a", { href: "/console/runs" }, "The runs")) };
}

function enter() {
  house = frame({ help, left: () => leave({ needs_key: true }) });
  put(place, house.node);
  shown(true);
}

async function leave(told) {
  page?.close?.();
  page = null;
  house = null;
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  const asked = await look().catch(() => ({ told: {} }));
  if (asked.session) return enter();
  const door = signin({ ...asked.told, ...told, needs_key: asked.told.needs_key, shown: Boolean(told.message) }, enter);
  put(place, door.node);
  titled(door.title);
  (door.focus ?? place.querySelector("h1")).focus();
}

async function begin() {
  whenLost((told) => leave({ message: told.message ?? "You are signed out." }));
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (token) {
    history.replaceState(null, "", location.pathname + location.search);
    try {
      await signIn({ token: decodeURIComponent(token) });
    } catch (error) {
      await leave({ message: [error.message, error.hint].filter(Boolean).join(" ") });
      return;
    }
  } else {
    await look();
  }
  if (session) enter();
  else await leave({});
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href, location.href);
  if (to.origin !== location.origin || !/^\/console(\/(?!static\/|api\/)|$)/.test(to.pathname) || link.hasAttribute("download")) return;
  if (to.pathname === location.pathname && to.hash) return;
  event.preventDefault();
  go(to.pathname + to.search + to.hash);
});
addEventListener("popstate", () => shown(false));
document.addEventListener("planrail-title", (event) => titled(event.detail));
document.addEventListener("planrail-go", (event) => go(event.detail));
listen(go);
begin().catch((error) => {
  put(place, h("main", { class: "door" }, h("div", { class: "card" }, trouble(error))));
  tell(error.message);
});
