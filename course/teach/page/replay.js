// A recorded run, replayed: its curves grow while the replies to one question change.

import { box, h, slider } from "./view.js";
import { chart } from "./chart.js";

const PAUSE = 140; // milliseconds a step

/** `state`: `lines` {name: values by step}, `axes`, `replies` [{step, text}], `question`. */
export function replay(el, state) {
  const root = box(el, "replay of a run");
  const last = Object.values(state.lines)[0].length - 1;
  let step = last, timer;
  const picture = h("div", {}), said = h("div", { class: "reply" });
  const button = h("button", { type: "button", onclick: () => (timer ? stop() : play()) }, "Replay the run");
  const position = slider({ name: "step", value: last, least: 0, most: last, step: 1, onmove: (value) => {
    stop();
    step = value;
    show();
  } });
  root.append(h("div", { class: "controls" }, button), position.element, picture, h("p", { class: "note" }, h("strong", {}, state.question)), said);

  function play() {
    if (step >= last) step = 0;
    button.textContent = "Stop";
    timer = setInterval(() => {
      step++;
      position.move(step);
      show();
      if (step >= last || !root.isConnected) stop();
    }, PAUSE);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Replay the run";
  }

  function show() {
    const lines = Object.fromEntries(Object.entries(state.lines).map(([name, values]) => [name, values.slice(0, step + 1)]));
    const now = Object.entries(state.lines).map(([name, values]) => `${name} ${values[step].toFixed(2)}`).join(", ");
    picture.replaceChildren(chart({ ...state.axes, lines, said: `After ${step} steps: ${now}.`, here: step }));
    const reply = state.replies.filter((one) => one.step <= step).at(-1);
    said.replaceChildren(h("small", {}, `its reply after ${reply.step} steps`),
      h("div", { class: "thoughts" }, reply.thoughts || "(no thoughts)"),
      h("div", { class: "said" }, h("small", {}, "answer "), h("strong", {}, reply.answer), reply.right ? " ✓ right" : " ✗ wrong"));
  }

  show();
}
