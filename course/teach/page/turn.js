// Pages of HTML that Python made, to be turned by one or two controls: traces, groups of replies, routes of tokens.

import { box, choice, field, h, message, slider } from "./view.js";

/**
 * `state`: `pages`, HTML by key; `first`, the key shown at first; `turns`, one or two {name, options}, whose chosen
 * options, joined by "|", are the key; `question`, if Python can make further pages of what is typed.
 * The HTML is the library's own, with everything a model said escaped.
 */
export function turn(el, state, { request }) {
  const root = box(el, state.name);
  const chosen = state.first.split("|"), { element: status, say } = message();
  const page = h("div", { "aria-live": "polite" });
  state.turns.forEach(({ name, options, slide }, place) => {
    const to = (option) => {
      chosen[place] = option;
      show(state.pages[chosen.join("|")]);
    };
    if (!slide) return root.append(choice(name, options, chosen[place], to));
    const at = options.indexOf(chosen[place]);
    const move = (value) => to(options[value]);
    root.append(slider({ name, value: at, least: 0, most: options.length - 1, step: 1, show: (value) => options[value], onmove: move }).element);
  });
  if (state.question && request) root.append(typed());
  root.append(status, page);

  function show(html) {
    if (html) page.innerHTML = html;
    else page.textContent = "There is no such page.";
  }

  /** A box for another question, where there is Python to look into it. */
  function typed() {
    const { label, input } = field("another question", state.question);
    return h("form", { onsubmit: async (event) => {
      event.preventDefault();
      say("");
      try {
        show(await request(input.value));
      } catch (error) {
        say(error.message);
      }
    } }, label, input);
  }

  show(state.pages[state.first]);
}
