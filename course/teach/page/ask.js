// Ask the models: a question to one or more of them side by side, thoughts and answer as they come.

import { box, field, h, message, overtaking, stream, tick } from "./view.js";
import { asked, splitReply } from "./text.js";

/**
 * `state`: `models`, their names; `question`, the first; `examples`, [{question, answer}] to choose from; `auto`, ask
 * at once. Every press draws another reply.
 */
export function ask(el, state, { open }) {
  const root = box(el, "ask the models");
  let seed = 0, thinking = false;
  const begin = overtaking(root), { label, input } = field("Your question", state.question);
  const button = h("button", { type: "submit" }, "Ask");
  const { element: status, say } = message();
  const replies = Object.fromEntries(state.models.map((name) => [name, reply(name)]));
  const examples = h("select", { "aria-label": "or choose a question", onchange: () => {
    if (examples.value) input.value = examples.value;
    run();
  } }, h("option", { value: "" }, "or choose a question ..."), state.examples.map((one) => h("option", {}, one.question)));
  const form = h("form", { onsubmit: (event) => {
    event.preventDefault();
    run();
  } }, label, input,
  h("div", { class: "controls" }, button, tick("force it to think first", false, (on) => {
    thinking = on;
    run();
  })), examples);
  root.append(form, status, h("div", { class: "columns" }, Object.values(replies).map((one) => one.element)));

  async function run() {
    const alive = begin(), question = input.value.trim();
    if (!question) return say("Type a question first.");
    for (const one of Object.values(replies)) one.begin();
    const unopened = setTimeout(() => alive() && say("Loading the models ..."), 300);
    try {
      const models = await Promise.all(state.models.map(open));
      clearTimeout(unopened);
      say("");
      const prompt = asked(question, thinking);
      models[0].tokenizer.encodePrompt(prompt); // refuses what cannot be read before any reply begins
      await Promise.all(models.map((model, place) => {
        const known = state.examples.find((one) => one.question === question);
        return replies[state.models[place]].fill(model.generate(prompt, { seed }), thinking, known?.answer, alive);
      }));
      seed++;
    } catch (error) {
      clearTimeout(unopened);
      if (alive()) say(error.message);
    }
  }

  if (state.auto) run();
}

/** The place of one model's reply. */
function reply(name) {
  const thoughts = h("div", { class: "thoughts", tabindex: 0, role: "region", "aria-label": `thoughts of ${name}`, hidden: true });
  const said = h("strong", {}), verdict = h("span", {}), speed = h("small", {});
  const element = h("div", { class: "reply", "aria-busy": "false" }, h("div", {}, h("code", {}, name)), thoughts,
    h("div", { class: "said", "aria-live": "polite" }, h("small", {}, "answer "), said, verdict), speed);

  function begin() {
    thoughts.hidden = true;
    thoughts.textContent = said.textContent = verdict.textContent = speed.textContent = "";
  }

  async function fill(generation, forced, answer, alive) {
    let text = forced ? "<think>" : "", ended = false;
    element.setAttribute("aria-busy", "true");
    const found = await stream(generation, ({ token }) => {
      if (token === "<eos>") ended = true;
      else text += token;
      const { thoughts: thought, answer: given } = splitReply(text);
      thoughts.hidden = !thought;
      thoughts.textContent = thought?.trim() ?? "";
      thoughts.scrollTop = thoughts.scrollHeight;
      said.textContent = given ?? "";
    }, alive);
    element.setAttribute("aria-busy", "false");
    if (!found) return;
    if (!ended) said.textContent ||= "(none: it did not come to an end)";
    if (answer != null) verdict.textContent = said.textContent.trim() === answer ? " ✓ right" : " ✗ wrong";
    const second = Math.round((1000 * (found.count - 1)) / found.milliseconds);
    speed.textContent = `${found.count} tokens${found.count > 9 ? `, ${second} a second` : ""}, in this page`;
  }

  return { element, begin, fill };
}
