// Api: the console's requests, with who is signed in, and its streams.

const ROOT = "/console/api/";

/** Who is signed in: principal, kind, scopes, csrf, version; null where nobody is. */
export let session = null;
let lost = () => {};

/** What the server would not do, in its words. */
export class Refused extends Error {
  constructor(status, told) {
    super(told.message || `The server answered ${status}.`);
    this.status = status;
    this.hint = told.hint ?? "";
    this.diagnostics = told.diagnostics ?? [];
    this.told = told;
  }
}

/** Call `listener` when nobody is signed in any more. */
export function whenLost(listener) {
  lost = listener;
}

export async function get(path, signal) {
  return sent("GET", path, undefined, signal);
}

export async function post(path, body = {}, signal) {
  return sent("POST", path, body, signal);
}

async function sent(method, path, body, signal) {
  const headers = { accept: "application/json" };
  if (method !== "GET") {
    headers["content-type"] = "application/json";
    if (session) headers["x-csrf-token"] = session.csrf;
  }
  let answer;
  try {
    answer = await fetch(ROOT + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { message: "The server does not answer.", hint: "Is planrail serve still running?" });
  }
  const text = answer.status === 204 ? "" : await answer.text();
  let told = {};
  try {
    told = text ? JSON.parse(text) : {};
  } catch {
    told = { message: `The server answered ${answer.status}, and no JSON.` };
  }
  if (answer.ok) return told;
  if (answer.status === 401 && session !== null && path !== "session") {
    session = null;
    lost(told);
  }
  throw new Refused(answer.status, told);
}

/** Look who is signed in; null where nobody is, and then what the server says to that. */
export async function look() {
  try {
    session = await get("session");
    return { session, told: {} };
  } catch (refused) {
    if (refused.status !== 401) throw refused;
    session = null;
    return { session: null, told: refused.told };
  }
}

/** Sign in by {key} or by {token}. */
export async function signIn(by) {
  session = null;
  await sent("POST", "session", by);
  return (await look()).session;
}

export async function signOut() {
  await sent("DELETE", "session");
  session = null;
}

/** A key by which a second click submits nothing twice. */
export function onceKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

const AGAIN_MS = [500, 1000, 2000, 5000];

/**
 * A stream of events: `hear` is {name: listener(data)}; `state` hears "live", "lost", "over". Closed while the page is hidden, so
 * that many tabs leave connections for one another. Gives a function that closes it.
 */
export function stream(path, hear, state = () => {}) {
  let source = null;
  let failures = 0;
  let timer = 0;
  let closed = false;

  function open() {
    if (closed || source || document.hidden) return;
    source = new EventSource(ROOT + path);
    source.addEventListener("open", () => {
      failures = 0;
      state("live");
    });
    for (const [name, listener] of Object.entries(hear)) {
      source.addEventListener(name, (event) => listener(event.data ? JSON.parse(event.data) : {}));
    }
    source.addEventListener("end", () => close("over"));
    source.addEventListener("error", again);
  }

  function shut() {
    source?.close();
    source = null;
    clearTimeout(timer);
  }

  async function again() {
    shut();
    if (closed) return;
    state("lost");
    failures += 1;
    try {
      if ((await look()).session === null) {
        lost({ message: "You are signed out: the key does not count any more." });
        return;
      }
    } catch {
      // the server is away: it is asked again
    }
    timer = setTimeout(open, AGAIN_MS[Math.min(failures, AGAIN_MS.length) - 1]);
  }

  function close(why) {
    closed = true;
    shut();
    document.removeEventListener("visibilitychange", seen);
    if (why === "over") state("over");
  }

  function seen() {
    if (document.hidden) shut();
    else open();
  }

  document.addEventListener("visibilitychange", seen);
  open();
  return () => close("closed");
}
