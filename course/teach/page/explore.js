// A reply token by token: how likely each was, what else might have come, and what the model looked at.

import { bar, box, choice, field, h, message, overtaking, slider, stream, tick, visible } from "./view.js";
import { asked } from "./text.js";

const SHOWN = 6; // alternatives
const CERTAIN = 0.9; // a probability from which a token counts as no choice

/** `state`: `model`, `question`, `think`. A token that is chosen shows its alternatives; pressing one goes on with it. */
export function explore(el, state, { open }) {
  const root = box(el, "explore a reply");
  let mini, before = [], drawn = [], chosen = 0, layer = "none", seed = 0, temperature = 1, thinking = state.think;
  const begin = overtaking(root), { label, input } = field(["Question to ", h("code", {}, state.model)], state.question);
  const { element: status, say } = message();
  const tokens = h("div", { class: "tokens", role: "toolbar", "aria-label": "the reply, token by token" });
  const alternatives = h("div", {}), looking = h("div", {});
  root.append(
    h("form", { onsubmit: (event) => {
      event.preventDefault();
      seed++;
      run();
    } }, label, input,
    h("div", { class: "controls" }, h("button", { type: "submit" }, "Draw a reply"), tick("force it to think first", thinking, (on) => {
      thinking = on;
      run();
    }))),
    slider({ name: "temperature", value: 1, least: 0, most: 2, step: 0.1, show: (value) => value.toFixed(1), onmove: (value) => {
      temperature = value;
      run();
    } }).element,
    status, tokens, alternatives, looking,
  );

  /** Draw a reply, or go on with one that is begun; then choose the first token that was in doubt. */
  async function run(begun = []) {
    const alive = begin();
    try {
      mini ??= await open(state.model);
      const prompt = asked(input.value.trim(), thinking), reply = [...begun];
      const options = { seed, temperature, look: true, begun: begun.map((one) => one.id) };
      if (!(await stream(mini.generate(prompt, options), (token) => reply.push(token), alive))) return;
      before = mini.tokenizer.encodePrompt(prompt).map((id) => mini.tokenizer.tokens[id]);
      drawn = reply;
      chosen = begun.length ? begun.length - 1 : Math.max(0, drawn.findIndex((one) => one.logprob < Math.log(CERTAIN)));
      const given = begun.length ? `; the first ${begun.length} were given` : "";
      say(`${drawn.length} tokens, seed ${seed}${given}. Choose one to see what else might have come.`);
      show();
    } catch (error) {
      if (alive()) say(error.message);
    }
  }

  function show(focus = false) {
    const buttons = drawn.map((one, place) => {
      const doubt = 1 - Math.exp(one.logprob);
      return h("button", {
        type: "button", tabindex: place === chosen ? 0 : -1, "aria-pressed": String(place === chosen),
        "aria-label": `${visible(one.token)}, probability ${Math.exp(one.logprob).toFixed(2)}`,
        style: `border-bottom-color:rgba(213,94,0,${doubt.toFixed(2)});background:rgba(213,94,0,${(doubt * 0.35).toFixed(2)})`,
        onclick: () => choose(place),
        onkeydown: (event) => {
          const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: drawn.length - 1 }[event.key];
          if (to == null || !drawn[to]) return;
          event.preventDefault();
          choose(to);
        },
      }, visible(one.token));
    });
    tokens.replaceChildren(...buttons.flatMap((button, place) =>
      drawn[place].token.endsWith("\n") ? [button, h("br", {})] : [button]));
    if (focus) buttons[chosen].focus();
    describe();
  }

  function choose(place) {
    chosen = place;
    show(true);
  }

  /** The alternatives of the chosen token, and the tokens it looked at. */
  function describe() {
    const one = drawn[chosen];
    const best = [...one.logprobs.keys()].sort((a, b) => one.logprobs[b] - one.logprobs[a]).slice(0, SHOWN);
    if (!best.includes(one.id)) best.push(one.id);
    const rows = best.map((other) => {
      const row = bar(visible(mini.tokenizer.tokens[other]), Math.exp(one.logprobs[other]), other === one.id);
      const go = h("button", { type: "button", onclick: () => {
        const instead = { ...one, id: other, token: mini.tokenizer.tokens[other], logprob: one.logprobs[other] };
        run([...drawn.slice(0, chosen), instead]);
      } }, "go on with it");
      if (mini.tokenizer.tokens[other] === "<eos>") go.disabled = true;
      return h("div", { style: "display:grid;grid-template-columns:1fr auto;gap:.6em;align-items:center;margin:.15em 0" }, row, go);
    });
    alternatives.replaceChildren(h("p", { class: "note" }, `Token ${chosen + 1}: ${visible(one.token)}. It might also have been:`), ...rows);
    const layers = ["none", ...mini.network.layers.map((_, number) => String(number + 1))];
    const shown = h("div", { class: "tokens" });
    looking.replaceChildren(choice("What it looked at, in layer", layers, layer, (now) => {
      layer = now;
      attend(shown, one);
    }), shown);
    attend(shown, one);
  }

  /** Shade the tokens before the chosen one by the attention of a layer, the mean of its heads. */
  function attend(shown, one) {
    if (layer === "none" || !one.attention) return shown.replaceChildren();
    const heads = one.attention[Number(layer) - 1];
    const read = [...before, ...drawn.slice(0, chosen).map((each) => each.token)];
    const most = read.map((_, place) => heads.reduce((sum, head) => sum + head[place], 0) / heads.length);
    const full = Math.max(...most);
    shown.replaceChildren(...read.map((token, place) =>
      h("span", { title: most[place].toFixed(2), style: `background:rgba(0,114,178,${((0.6 * most[place]) / full).toFixed(2)})` }, visible(token))));
  }

  run();
}
