// Sign-in: by a key that is typed, or by a link that the command line prints.

import { signIn } from "./api.js";
import { h, put } from "./dom.js";
import { brandMark } from "./frame.js";

/** The page of who is not signed in yet; `told` is what the server said, `done` is called once somebody is. */
export function signin(told, done) {
  const problem = h("p", { class: "problem", role: "alert" });
  const key = h("input", { type: "password", id: "key", name: "key", autocomplete: "current-password", spellcheck: "false", required: true });
  const button = h("button", { class: "first", type: "submit" }, "Sign in");
  const form = h("form", { on: { submit: send } },
    h("div", { class: "field" }, h("label", { for: "key" }, "API key"), key, h("span", { class: "hint" }, "planrail keys create NAME makes one.")), problem, button);

  async function send(event) {
    event.preventDefault();
    button.disabled = true;
    put(problem);
    try {
      if (await signIn({ key: key.value })) done();
    } catch (error) {
      put(problem, error.message, error.hint ? ` ${error.hint}` : "");
      key.select();
    }
    button.disabled = false;
  }

  const byLink = [
    h("p", {}, "This Planrail is yours alone and knows no keys. The command line prints the way in:"),
    h("pre", {}, "planrail console"),
    h("p", {}, "Open its link in this browser. It is good once, for ten minutes."),
  ];
  const node = h("main", { class: "door", id: "main", tabindex: "-1" }, h("div", { class: "card" },
    h("div", { class: "brand" }, brandMark(), "Planrail"),
    h("h1", { tabindex: "-1" }, "Sign in"),
    told.message && told.shown ? h("p", { class: "problem", role: "alert" }, told.message) : null,
    told.needs_key === false ? byLink : [h("p", {}, "With a key of this house."), form]));
  return { node, title: "Sign in", focus: told.needs_key === false ? null : key };
}
