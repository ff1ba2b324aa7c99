// What the widgets of a page are made of: elements, controls with labels, a reply that grows, lines over axes.

const OF_PICTURES = new Set(["svg", "g", "line", "polyline", "text", "circle", "rect", "path", "title"]);
const SLICE = 12; // milliseconds of computing between two pictures of the page

/** An element with attributes (`onclick` and the like are listeners) and children; strings become text, never markup. */
export function h(tag, attributes = {}, ...children) {
  const name = "http://www.w3.org/2000/svg";
  const element = OF_PICTURES.has(tag) ? document.createElementNS(name, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}

// Colors of text and background are the page's own, lines and shades translucent: readable on white and on black.
const LOOK = `
.course-widget { border: 1px solid rgba(128,128,128,.5); border-radius: 6px; padding: .6em .9em; margin: .6em 0;
  max-width: 60em; font-size: 1em; line-height: 1.5; }
.course-widget * { box-sizing: border-box; }
.course-widget label, .course-widget legend { font-weight: 600; font-size: 1em; margin: 0; }
.course-widget fieldset { border: 0; margin: .4em 0; padding: 0; }
.course-widget fieldset label { font-weight: normal; margin-right: 1.2em; white-space: nowrap; }
.course-widget input[type=text], .course-widget select { width: 100%; padding: .4em .6em; font: inherit; color: inherit;
  background: transparent; border: 1px solid rgba(128,128,128,.9); border-radius: 4px; }
.course-widget option { color: #222; background: #fff; }
.course-widget input[type=range] { width: min(24em, 100%); vertical-align: middle; }
.course-widget button { font: inherit; color: inherit; background: rgba(0,114,178,.16); padding: .35em .9em;
  border: 1px solid rgba(128,128,128,.9); border-radius: 4px; cursor: pointer; }
.course-widget button[disabled] { opacity: .55; cursor: default; }
.course-widget :focus-visible { outline: 3px solid #0072b2; outline-offset: 1px; }
.course-widget .controls { display: flex; flex-wrap: wrap; gap: .6em 1em; align-items: center; margin: .5em 0; }
.course-widget .columns { display: flex; flex-wrap: wrap; gap: .7em 1em; }
.course-widget .columns > * { flex: 1 1 16em; min-width: 0; }
.course-widget .reply { border-left: 4px solid #0072b2; padding: .1em .7em; min-height: 5em; }
.course-widget .thoughts { border-left: 3px dashed #cc79a7; padding-left: .6em; margin: .3em 0; font-style: italic;
  white-space: pre-wrap; overflow-wrap: anywhere; max-height: 16em; overflow-y: auto; }
.course-widget .said { overflow-wrap: anywhere; }
.course-widget small { font-size: .85em; }
.course-widget .note { margin: .3em 0; }
.course-widget .tokens { font-family: monospace; line-height: 2.1; overflow-wrap: anywhere; }
.course-widget .tokens button { font-family: inherit; padding: .1em .12em; border-width: 0 0 3px; border-radius: 2px;
  white-space: pre; background: none; border-bottom: 3px solid transparent; }
.course-widget .tokens button[aria-pressed=true] { outline: 2px solid currentColor; }
.course-widget .bar { display: grid; grid-template-columns: 7em 1fr 3.5em; gap: .5em; align-items: center; }
.course-widget .bar > span:first-child { overflow-wrap: anywhere; font-family: monospace; }
.course-widget .bar i { display: block; height: 1em; background: #0072b2; border-radius: 2px; }
.course-widget .bar.most i { background: #009e73; }
.course-widget svg { max-width: 100%; height: auto; font: 13px sans-serif; }
.course-widget svg text { fill: currentColor; }
@media print { .course-widget button, .course-widget input { display: none; } }
`;

/** An empty box for a widget, which keeps its keys to itself: a notebook would take arrows and letters for commands. */
export function box(el, name) {
  const root = h("div", {
    class: "course-widget", role: "group", "aria-label": name, "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  });
  el.replaceChildren(h("style", {}, LOOK), root);
  return root;
}

let controls = 0;

/** A slider under its name and value; arrow keys move it. `onmove` is called with the number. */
export function slider({ name, value, least, most, step, show = String, onmove }) {
  const id = `course-control-${Date.now().toString(36)}-${controls++}`;
  const shown = h("span", { class: "value", "aria-hidden": "true" }, show(value)); // the slider says it itself
  const input = h("input", { id, type: "range", min: least, max: most, step, value });
  input.addEventListener("input", () => {
    said(Number(input.value));
    onmove(Number(input.value));
  });
  const said = (number) => input.setAttribute("aria-valuetext", (shown.textContent = show(number)));
  const move = (number) => said((input.value = number));
  said(value);
  return { element: h("div", { class: "controls" }, h("label", { for: id }, name), input, shown), input, move };
}

/** A line to type in, under its name. */
export function field(name, value) {
  const id = `course-control-${Date.now().toString(36)}-${controls++}`;
  const input = h("input", { id, type: "text", value, maxlength: 300, autocomplete: "off" });
  return { label: h("label", { for: id }, name), input };
}

/** For work that newer work overtakes: each call returns whether what was begun by it is still wanted. */
export function overtaking(root) {
  let running = 0;
  return () => {
    const mine = ++running;
    return () => mine === running && root.isConnected;
  };
}

/** One of several options, as radio buttons: Tab reaches them, arrow keys choose. */
export function choice(name, options, chosen, onchange) {
  const group = `course-choice-${Date.now().toString(36)}-${controls++}`;
  const buttons = options.map((option) =>
    h("label", {}, h("input", {
      type: "radio", name: group, value: option, checked: option === chosen, onchange: () => onchange(option),
    }), ` ${option}`),
  );
  return h("fieldset", {}, h("legend", {}, name), buttons);
}

/** Something to tick. */
export function tick(name, checked, onchange) {
  const input = h("input", { type: "checkbox", checked, onchange: () => onchange(input.checked) });
  return h("label", { style: "font-weight:normal" }, input, ` ${name}`);
}

/** A sentence that is read out when it changes: what went wrong, or that something is done. */
export function message() {
  const element = h("p", { class: "note", role: "status" });
  return { element, say: (text) => (element.textContent = text) };
}

/**
 * Draw tokens, a picture of the page now and then. `show` gets each token. Returns how many came, and the milliseconds
 * of computing after the first, before which the prompt is read; or null if `alive` said no.
 */
export async function stream(generation, show, alive = () => true) {
  let count = 0, computing = 0, began = performance.now();
  for (const token of generation) {
    if (!count++) began = performance.now();
    show(token);
    const taken = performance.now() - began;
    if (taken > SLICE) {
      computing += taken;
      await new Promise((resume) => setTimeout(resume));
      if (!alive()) return null;
      began = performance.now();
    }
  }
  return { count, milliseconds: computing + performance.now() - began };
}

/** A bar with its name and share. */
export function bar(name, share, most = false) {
  const filled = h("span", {}, h("i", { style: `width:${(100 * share).toFixed(1)}%` }));
  return h("div", { class: most ? "bar most" : "bar" }, h("span", {}, name), filled, h("span", {}, share.toFixed(2)));
}

/** A token as it can be seen: spaces, line ends and the end of the reply included. */
export function visible(token) {
  if (token === "<eos>") return "(end)";
  return token.replaceAll("\n", "↵").replaceAll(" ", "␣");
}
