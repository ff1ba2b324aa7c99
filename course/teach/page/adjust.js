// A chart under sliders. Every position was computed in Python, so that it needs none to move.

import { box, h, slider } from "./view.js";
import { chart } from "./chart.js";

/**
 * `state`: `sliders` [{name, value, least, most, step}]; `axes`, what `chart` takes besides lines; `frames`, for every
 * position of the sliders, the last one turning fastest, {lines, title, said}; `fixed`, lines that do not move.
 */
export function adjust(el, state) {
  const root = box(el, state.sliders.map((one) => one.name).join(" and "));
  const values = state.sliders.map((one) => one.value);
  const picture = h("div", {}), title = h("p", { class: "note" }), words = h("small", { "aria-live": "polite" });
  const counts = state.sliders.map((one) => Math.round((one.most - one.least) / one.step) + 1);
  const rows = state.sliders.map((one, place) => {
    const digits = (String(one.step).split(".")[1] ?? "").length;
    return slider({ ...one, show: (value) => value.toFixed(digits), onmove: (value) => {
      values[place] = value;
      show();
    } }).element;
  });

  function show() {
    const at = state.sliders.reduce((index, one, place) =>
      index * counts[place] + Math.round((values[place] - one.least) / one.step), 0);
    const { lines, title: heading, said, level } = state.frames[at];
    picture.replaceChildren(chart({ ...state.axes, lines: { ...state.fixed, ...lines }, level, said }));
    title.textContent = heading ?? "";
    words.textContent = said;
  }

  root.append(...rows, title, picture, words);
  show();
}
