// One door to all widgets, in the form of an anywidget: `kind` says which, `state` what it shows.

import { Mini, openModel } from "./mini.js";
import { adjust } from "./adjust.js";
import { ask } from "./ask.js";
import { cups } from "./cups.js";
import { explore } from "./explore.js";
import { replay } from "./replay.js";
import { turn } from "./turn.js";
import { vote } from "./vote.js";

const KINDS = { adjust, ask, cups, explore, replay, turn, vote };
const PATIENCE = 60000; // milliseconds until a kernel counts as gone

/** Open each model once for all widgets of a page. A failure is not kept. */
function shared(open) {
  const opened = (globalThis.courseModels ??= new Map());
  return (name) => {
    if (!opened.has(name)) {
      const opening = open(name);
      opening.catch(() => opened.delete(name));
      opened.set(name, opening);
    }
    return opened.get(name);
  };
}

/** Put a widget into an element of a page without Python, which finds its models in a folder. */
export function mount(el, kind, state, folder) {
  KINDS[kind](el, state, { open: shared((name) => openModel(`${folder}/${name}`)) });
}

/** Send the kernel a message and wait for the reply to it. */
function converse(model) {
  let sent = 0;
  const name = Math.random().toString(36).slice(2);
  return (content) => new Promise((resolve, reject) => {
    const id = `${name}-${sent++}`;
    const late = setTimeout(() => end(() => reject(new Error("Python does not answer: is it busy? Run the cell again."))), PATIENCE);
    const hear = (message, buffers) => {
      if (message.id !== id) return;
      end(() => (message.error ? reject(new Error(message.error)) : resolve([message, buffers])));
    };
    const end = (then) => {
      clearTimeout(late);
      model.off("msg:custom", hear);
      then();
    };
    model.on("msg:custom", hear);
    model.send({ id, ...content });
  });
}

function render({ model, el }) {
  const send = converse(model), folder = model.get("folder");
  const fromKernel = async (name) => {
    const [message, [weights]] = await send({ open: name });
    const bytes = weights.buffer ?? weights, from = weights.byteOffset ?? 0;
    return Mini.from({
      config: message.config, tokenizer: message.tokenizer, weights: bytes.slice(from, from + weights.byteLength),
    });
  };
  const open = shared(folder ? (name) => openModel(`${folder}/${name}`) : fromKernel);
  const request = async (typed) => (await send({ typed }))[0].page;
  KINDS[model.get("kind")](el, model.get("state"), { open, request });
}

export default { render };
