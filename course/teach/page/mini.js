// The course's models in a page: what course/model and course/world do, without a kernel, a network or a library.
//
// const mini = await openModel(folder)             config.json, tokenizer.json and model.safetensors of a checkpoint
// for (const token of mini.generate(direct("How many r's are in strawberry?"), { seed: 7 })) ...

import { Network, readSafetensors } from "./network.js";
import { EOS, Tokenizer } from "./text.js";

// --- sampling -----------------------------------------------------------------------------------------------------

/** Log-probs at a temperature; 0 counts as 1, as in `course.model.sampling`. */
export function logSoftmax(logits, temperature = 1) {
  const scaled = Float32Array.from(logits, (value) => value / (temperature || 1));
  let largest = -Infinity, sum = 0;
  for (const value of scaled) largest = Math.max(largest, value);
  for (const value of scaled) sum += Math.exp(value - largest);
  const shift = largest + Math.log(sum);
  return scaled.map((value) => value - shift);
}

/** The token at which the cumulative probability passes a uniform number. */
export function draw(logprobs, uniform) {
  const reached = new Float32Array(logprobs.length);
  let sum = 0;
  for (let i = 0; i < logprobs.length; i++) reached[i] = sum = Math.fround(sum + Math.fround(Math.exp(logprobs[i])));
  const wanted = Math.fround(uniform * sum);
  for (let i = 0; i < reached.length; i++) if (reached[i] > wanted) return i;
  return reached.length - 1;
}

export function mostLikely(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** torch.rand on the CPU: MT19937 (Matsumoto and Nishimura 1998), 24 of its 32 bits to a number. */
export class Uniform {
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed;
    for (let i = 1; i < 624; i++) {
      const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, before) + i;
    }
    this.used = 624;
  }

  next() {
    if (this.used === 624) this.#twist();
    let y = this.state[this.used++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return (y & 0xffffff) * 2 ** -24;
  }

  #twist() {
    const s = this.state;
    for (let i = 0; i < 624; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
      s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.used = 0;
  }
}

// --- the whole ----------------------------------------------------------------------------------------------------

export class Mini {
  constructor(network, tokenizer) {
    this.network = network;
    this.tokenizer = tokenizer;
  }

  /** From the three files of a checkpoint: two parsed JSON files and an ArrayBuffer. */
  static from({ config, tokenizer, weights }) {
    return new Mini(new Network(config, readSafetensors(weights)), new Tokenizer(tokenizer));
  }

  /**
   * Draw a reply token by token: {id, token, logprob, logprobs, attention}, the end included. The same seed draws the
   * same reply as `generate(model, tokenizer, [prompt], seed=seed)` in Python. Temperature 0 is greedy. `begun` holds
   * the ids of a reply that goes on.
   */
  *generate(prompt, { seed = 0, temperature = 1, maxNewTokens = 160, look = false, begun = [] } = {}) {
    const ids = [...this.tokenizer.encodePrompt(prompt), ...begun], state = this.network.newState();
    if (ids.length >= this.network.context) {
      throw new Error(`A prompt of ${ids.length} tokens leaves no room in a context of ${this.network.context}: shorten it.`);
    }
    let logits;
    for (const id of ids) logits = this.network.read(state, id, look);
    const uniform = new Uniform(seed), end = this.tokenizer.ids.get(EOS);
    const most = Math.min(maxNewTokens, this.network.context - ids.length);
    for (let drawn = 0; drawn < most; drawn++) {
      const logprobs = logSoftmax(logits, temperature), number = uniform.next();
      const id = temperature ? draw(logprobs, number) : mostLikely(logprobs);
      yield { id, token: this.tokenizer.tokens[id], logprob: logprobs[id], logprobs, attention: state.attention };
      if (id === end) return;
      if (drawn + 1 < most) logits = this.network.read(state, id, look);
    }
  }
}

/** Fetch a checkpoint's three files from a folder and open it. */
export async function openModel(folder) {
  const fetched = async (name) => {
    const answer = await fetch(`${folder}/${name}`);
    if (!answer.ok) throw new Error(`${folder}/${name} could not be loaded (${answer.status})`);
    return answer;
  };
  const [config, tokenizer, weights] = await Promise.all(
    ["config.json", "tokenizer.json", "model.safetensors"].map(fetched),
  );
  return Mini.from({
    config: await config.json(), tokenizer: await tokenizer.json(), weights: await weights.arrayBuffer(),
  });
}
