// The shell game, drawn: five cups, a ball, and swaps that move them; and what a model thinks at each swap.

import { box, h, message, slider, stream } from "./view.js";
import { forceThinking, splitReply } from "./text.js";

const APART = 90, WIDE = 70;

/** `state`: `problems` [{question, ball, swaps}], and `model` to be asked. The reader guesses, then looks. */
export function cups(el, state, { open }) {
  const root = box(el, "a shell game");
  let number = 0, done = 0, looking = false;
  const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
  const { element: status, say } = message();
  const asked = h("p", { class: "note" }), thoughts = h("div", { class: "thoughts", tabindex: 0, role: "region", "aria-label": "what the model thinks", hidden: true });
  const shells = Array.from({ length: 5 }, () => h("g", { style: still ? "" : "transition:transform .45s" },
    h("path", { d: "M8 62 L18 8 H52 L62 62 Z", fill: "rgba(0,114,178,.35)", stroke: "currentColor", "stroke-width": 1.5 })));
  const ball = h("circle", { r: 9, cy: 78, fill: "#d55e00", style: still ? "" : "transition:cx .45s" });
  const labels = [1, 2, 3, 4, 5].map((cup) => h("text", { x: middle(cup), y: 108, "text-anchor": "middle" }, String(cup)));
  const picture = h("svg", { viewBox: "0 0 460 115", width: 460, role: "img" }, shells, ball, labels);
  const swaps = slider({ name: "swaps done", value: 0, least: 0, most: 1, step: 1, onmove: (value) => {
    done = value;
    show();
  } });
  const guesses = h("div", { class: "controls", role: "group", "aria-label": "where is the ball?" }, "Where is the ball now?",
    [1, 2, 3, 4, 5].map((cup) => h("button", { type: "button", onclick: () => guess(cup) }, String(cup))));
  root.append(asked, picture, swaps.element, h("div", { class: "controls" },
    h("button", { type: "button", onclick: () => {
      done = Math.min(done + 1, game().swaps.length);
      swaps.move(done);
      show();
    } }, "Next swap"),
    h("button", { type: "button", onclick: () => {
      looking = !looking;
      show();
    } }, "Lift the cups"),
    h("button", { type: "button", onclick: () => ask() }, "Let the model think"),
    h("button", { type: "button", onclick: () => deal(number + 1) }, "Another game")), guesses, status, thoughts);

  const game = () => state.problems[number];

  /** Where the ball is after each number of swaps. */
  function way() {
    const places = [game().ball];
    for (const [a, b] of game().swaps) {
      const at = places[places.length - 1];
      places.push(at === a ? b : at === b ? a : at);
    }
    return places;
  }

  function deal(next) {
    number = next % state.problems.length;
    done = 0;
    looking = true;
    thoughts.hidden = true;
    swaps.input.max = game().swaps.length;
    swaps.move(0);
    say("");
    show();
  }

  function show() {
    const order = [1, 2, 3, 4, 5]; // which shell stands at each cup's place
    for (const [a, b] of game().swaps.slice(0, done)) [order[a - 1], order[b - 1]] = [order[b - 1], order[a - 1]];
    order.forEach((shell, place) => shells[shell - 1].setAttribute("transform", `translate(${middle(place + 1) - WIDE / 2} 0)`));
    if (done) looking = looking && done === game().swaps.length;
    const seen = looking || done === 0, at = way()[done];
    ball.setAttribute("cx", middle(at));
    ball.style.visibility = seen ? "visible" : "hidden";
    const last = done ? `swap ${game().swaps[done - 1].join("-")}` : "the beginning";
    asked.textContent = game().question;
    picture.setAttribute("aria-label", `Five cups after ${done} of ${game().swaps.length} swaps (${last}). ${seen ? `The ball is under cup ${at}.` : "The ball is hidden."}`);
  }

  function guess(cup) {
    const at = way()[done];
    say(cup === at ? `Right: after ${done} swaps it is under cup ${at}.` : `No, not under cup ${cup}. Lift the cups to see.`);
    if (cup === at) looking = true;
    show();
  }

  async function ask() {
    let text = "<think>";
    thoughts.hidden = false;
    thoughts.textContent = "";
    const mine = number, alive = () => mine === number && root.isConnected;
    try {
      const mini = await open(state.model);
      const found = await stream(mini.generate(forceThinking(game().question), { temperature: 0 }), ({ token }) => {
        if (token !== "<eos>") text += token;
        thoughts.textContent = marked(splitReply(text).thoughts ?? "", way());
      }, alive);
      if (!found) return;
      const answer = splitReply(text).answer?.trim() || "(none)", end = way().at(-1);
      say(`${state.model} answers ${answer}: ${answer === String(end) ? "right" : "wrong"}.`);
    } catch (error) {
      if (alive()) say(error.message);
    }
  }

  deal(0);
}

function middle(cup) {
  return 50 + (cup - 1) * APART;
}

/** The lines of a thought; behind each that names the ball's cup, whether it is there. */
function marked(thoughts, places) {
  let at = 0;
  return thoughts.trim().split("\n").map((line) => {
    const cup = /: ?([1-5])$/.exec(line);
    return cup && places[at] != null ? `${line} ${Number(cup[1]) === places[at++] ? "✓" : "✗"}` : line;
  }).join("\n");
}
