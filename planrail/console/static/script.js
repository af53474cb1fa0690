// Script: a plan's lines with their words, texts and figures told apart. Nothing is understood here: the server's checker does that.

import { h } from "./dom.js";

const PARTS = /("""[\s\S]*?"""|'''[\s\S]*?'''|[fr]?"(?:\\.|[^"\\\n])*"|[fr]?'(?:\\.|[^'\\\n])*')|(#[^\n]*)|\b(if|elif|else|for|in|not|and|or|lambda|True|False|None|ask|choose|do|delegate|approve|ask_user|expect|answer|wait|poll|pages|first|attempt)\b|\b(\d+(?:\.\d+)?)\b|\b([a-z_]\w*\.[a-z_]\w*)(?=\()/g;
const CLASSES = ["string", "comment", "word", "figure", "call"];
const LONGEST = 200000; // characters; a longer script is shown as it is

/** For each line what stands in it. */
export function highlighted(texts) {
  const script = texts.join("\n");
  if (script.length > LONGEST) return texts.map((text) => [text]);
  const lines = [[]];
  const add = (text, kind) => {
    text.split("\n").forEach((part, n) => {
      if (n) lines.push([]);
      if (part) lines.at(-1).push(kind ? h("span", { class: `t-${kind}` }, part) : part);
    });
  };
  let at = 0;
  for (const found of script.matchAll(PARTS)) {
    add(script.slice(at, found.index), "");
    add(found[0], CLASSES[found.slice(1).findIndex((part) => part !== undefined)]);
    at = found.index + found[0].length;
  }
  add(script.slice(at), "");
  return lines;
}
