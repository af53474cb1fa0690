// Dom: elements made of text. Nothing here, nor anywhere in the console, reads markup.

const SVG = "http://www.w3.org/2000/svg";
// Control characters, marks of the writing direction, and what has no width: shown by their number, so that nothing hides.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udfff]/g;

/** The text with everything in it to be seen; lines and tabs stay. */
export function plain(text) {
  return String(text).replaceAll("\r\n", "\n").replace(UNSEEN, (found) => `⟨U+${found.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** An element with properties (attributes; `on`, `data`, `style`, `value`, `checked` are their own) and children. */
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props ?? {}, children);
}

/** The same in SVG. */
export function svg(tag, props, ...children) {
  return filled(document.createElementNS(SVG, tag), props ?? {}, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else if (name === "style") {
      for (const [property, set] of Object.entries(value)) element.style.setProperty(property, set);
    } else if (name === "value" || name === "checked" || name === "indeterminate") {
      element[name] = value;
    } else if (/^(on|srcdoc|src$)/i.test(name)) {
      throw new Error(`no element of the console has ${name}`);
    } else {
      element.setAttribute(name, value === true ? "" : plain(value));
    }
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== "").map((c) => (c instanceof Node ? c : plain(c)));
}

/** Other children in the place of those that are there. */
export function put(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** The text of an element, written only where it is another one: what is announced is announced once. */
export function say(element, text) {
  const shown = plain(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/** A class that is there or not. */
export function mark(element, name, whether) {
  element.classList.toggle(name, Boolean(whether));
}

let counted = 0;
/** An id that no other element has. */
export function newId(of = "e") {
  counted += 1;
  return `${of}-${counted}`;
}

/** Whether keys that are pressed go into a field. */
export function isField(element) {
  return element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName)) && element.type !== "checkbox" && element.type !== "radio";
}
