// Temperature and voting: many replies to one question, their answers counted as they come.

import { bar, box, h, message, overtaking, slider, stream, tick } from "./view.js";
import { asked, splitReply } from "./text.js";

/** `state`: `model`, `question`, `answer`, `think`, `samples`. */
export function vote(el, state, { open }) {
  const root = box(el, "temperature and voting");
  let temperature = 1, samples = state.samples ?? 15, thinking = state.think, seed = 0;
  const begin = overtaking(root);
  const { element: status, say } = message();
  const counts = h("div", {});
  const button = h("button", { type: "button", onclick: () => run() }, "Draw and vote");
  root.append(
    h("p", { class: "note" }, h("strong", {}, state.question), h("br", {}), h("small", {}, `asked of `, h("code", {}, state.model), `; the right answer is ${state.answer}`)),
    slider({ name: "temperature", value: 1, least: 0, most: 2, step: 0.1, show: (value) => value.toFixed(1), onmove: (value) => (temperature = value) }).element,
    slider({ name: "replies", value: samples, least: 1, most: 41, step: 2, onmove: (value) => (samples = value) }).element,
    h("div", { class: "controls" }, button, tick("force it to think first", thinking, (on) => (thinking = on))), status, counts,
  );

  async function run() {
    const alive = begin(), tally = new Map();
    counts.replaceChildren();
    say(`reply 0 of ${samples}`);
    try {
      const mini = await open(state.model), prompt = asked(state.question, thinking);
      for (let number = 1; number <= samples; number++) {
        let text = thinking ? "<think>" : "";
        const found = await stream(mini.generate(prompt, { seed: seed++, temperature }), ({ token }) => {
          if (token !== "<eos>") text += token;
        }, alive);
        if (!found) return;
        const answer = splitReply(text).answer?.trim() || "(none)";
        tally.set(answer, (tally.get(answer) ?? 0) + 1);
        show(tally, number);
        say(`reply ${number} of ${samples}`);
        await new Promise((resume) => setTimeout(resume));
      }
      const [winner] = leaders(tally)[0], single = (tally.get(state.answer) ?? 0) / samples;
      say(`The vote says ${winner}: ${winner === state.answer ? "right" : "wrong"}. ` +
        `A single reply is right ${(100 * single).toFixed(0)} % of the time here.`);
    } catch (error) {
      if (alive()) say(error.message);
    }
  }

  function show(tally, number) {
    counts.replaceChildren(...leaders(tally).slice(0, 8).map(([answer, count]) =>
      bar(answer === state.answer ? `${answer} ✓` : answer, count / number, answer === state.answer)));
  }

  say("Press the button to draw replies.");
}

/** Answers with their counts, the most frequent first; the first seen among equals. */
function leaders(tally) {
  return [...tally].sort((a, b) => b[1] - a[1]);
}
