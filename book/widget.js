// A dense decoder in a page, one token at a time: RMSNorm, grouped-query attention with rotary positions, a gated
// feed-forward layer, tied embeddings; what course/model/transformer.py computes. Numbers are single precision wherever
// PyTorch's are.

/** The weights of a safetensors file, by name: {values: Float32Array, shape}. Throws for other types than F16 and F32. */
function readSafetensors(buffer) {
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = {};
  delete header.__metadata__;
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    const bytes = buffer.slice(8 + length + from, 8 + length + to);
    if (dtype === "F32") tensors[name] = { values: new Float32Array(bytes), shape };
    else if (dtype === "F16") tensors[name] = { values: fromHalf(new Uint16Array(bytes)), shape };
    else throw new Error(`${name} is stored as ${dtype}: only F16 and F32 can be read here`);
  }
  return tensors;
}

function fromHalf(bits) {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const sign = bits[i] & 0x8000 ? -1 : 1, exponent = (bits[i] >> 10) & 31, fraction = bits[i] & 1023;
    if (exponent === 0) out[i] = sign * fraction * 2 ** -24;
    else if (exponent === 31) out[i] = fraction ? NaN : sign * Infinity;
    else out[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return out;
}

// --- the network --------------------------------------------------------------------------------------------------

class Network {
  /** From a config.json of LlamaForCausalLM and its weights. Throws for another architecture. */
  constructor(config, tensors) {
    if (config.architectures?.[0] !== "LlamaForCausalLM") {
      throw new Error(`a page runs dense models (LlamaForCausalLM), and this one is ${config.architectures?.[0]}`);
    }
    const get = (name) => {
      if (!tensors[name]) throw new Error(`the checkpoint lacks ${name}: copy its folder again`);
      return tensors[name].values;
    };
    this.hidden = config.hidden_size;
    this.heads = config.num_attention_heads;
    this.kvHeads = config.num_key_value_heads;
    this.width = config.head_dim ?? this.hidden / this.heads;
    this.inner = config.intermediate_size;
    this.vocabulary = config.vocab_size;
    this.context = config.max_position_embeddings;
    this.eps = config.rms_norm_eps;
    this.embedding = get("model.embed_tokens.weight");
    this.norm = get("model.norm.weight");
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, number) => {
      const at = (name) => get(`model.layers.${number}.${name}.weight`);
      return {
        attentionNorm: at("input_layernorm"), query: at("self_attn.q_proj"), key: at("self_attn.k_proj"),
        value: at("self_attn.v_proj"), out: at("self_attn.o_proj"), feedForwardNorm: at("post_attention_layernorm"),
        gate: at("mlp.gate_proj"), up: at("mlp.up_proj"), down: at("mlp.down_proj"),
      };
    });
    const theta = config.rope_theta ?? config.rope_parameters?.rope_theta ?? 10000;
    this.frequencies = Float32Array.from({ length: this.width / 2 }, (_, j) => theta ** ((-2 * j) / this.width));
  }

  /** What a text has left behind so far: keys and values of every layer. */
  newState() {
    const room = this.context * this.kvHeads * this.width;
    const layers = this.layers.map(() => ({ keys: new Float32Array(room), values: new Float32Array(room) }));
    return { length: 0, layers, attention: null };
  }

  /** Read one token: the logits of the next. With `look`, state.attention holds [layer][head] its attention weights. */
  read(state, token, look = false) {
    const { hidden, heads, kvHeads, width, inner, eps } = this;
    if (state.length >= this.context) throw new Error(`${state.length + 1} tokens do not fit a context of ${this.context}`);
    const stream = this.embedding.slice(token * hidden, (token + 1) * hidden);
    const place = state.length++;
    if (look) state.attention = [];
    this.layers.forEach((layer, number) => {
      const { keys, values } = state.layers[number];
      const normal = rmsNorm(stream, layer.attentionNorm, eps);
      const query = product(layer.query, normal, heads * width);
      const span = kvHeads * width, start = place * span;
      const key = keys.subarray(start, start + span);
      key.set(product(layer.key, normal, span));
      values.set(product(layer.value, normal, span), start);
      this.#rotate(query, heads, place);
      this.#rotate(key, kvHeads, place);
      const gathered = new Float32Array(heads * width), seen = [];
      for (let head = 0; head < heads; head++) {
        const shared = Math.floor((head * kvHeads) / heads) * width, own = head * width;
        const weights = new Float32Array(place + 1);
        for (let t = 0; t <= place; t++) {
          let sum = 0;
          for (let i = 0; i < width; i++) sum += query[own + i] * keys[t * span + shared + i];
          weights[t] = sum / Math.sqrt(width);
        }
        softmax(weights);
        for (let t = 0; t <= place; t++) {
          const weight = weights[t], row = t * span + shared;
          for (let i = 0; i < width; i++) gathered[own + i] += weight * values[row + i];
        }
        if (look) seen.push(weights);
      }
      if (look) state.attention.push(seen);
      add(stream, product(layer.out, gathered, hidden));
      const read = rmsNorm(stream, layer.feedForwardNorm, eps);
      const gate = product(layer.gate, read, inner), up = product(layer.up, read, inner);
      for (let i = 0; i < inner; i++) gate[i] = (gate[i] / (1 + Math.exp(-gate[i]))) * up[i];
      add(stream, product(layer.down, gate, hidden));
    });
    return product(this.embedding, rmsNorm(stream, this.norm, eps), this.vocabulary);
  }

  /** Rotary positions in the layout of the Transformers library: entry j is paired with j + half a head. */
  #rotate(vector, heads, place) {
    const half = this.width / 2;
    for (let j = 0; j < half; j++) {
      const angle = Math.fround(place * this.frequencies[j]), cos = Math.cos(angle), sin = Math.sin(angle);
      for (let head = 0; head < heads; head++) {
        const a = head * this.width + j, b = a + half, x = vector[a], y = vector[b];
        vector[a] = x * cos - y * sin;
        vector[b] = y * cos + x * sin;
      }
    }
  }
}

function rmsNorm(x, scale, eps) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * x[i];
  const inverse = 1 / Math.sqrt(sum / x.length + eps), out = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) out[i] = x[i] * inverse * scale[i];
  return out;
}

/** The matrix (rows x x.length, row by row) times x. Four sums at once keep the processor busy. */
function product(matrix, x, rows) {
  const n = x.length, out = new Float32Array(rows);
  for (let row = 0, at = 0; row < rows; row++, at += n) {
    let a = 0, b = 0, c = 0, d = 0, i = 0;
    for (; i + 3 < n; i += 4) {
      a += matrix[at + i] * x[i];
      b += matrix[at + i + 1] * x[i + 1];
      c += matrix[at + i + 2] * x[i + 2];
      d += matrix[at + i + 3] * x[i + 3];
    }
    for (; i < n; i++) a += matrix[at + i] * x[i];
    out[row] = a + b + c + d;
  }
  return out;
}

function add(x, y) {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
}

function softmax(x) {
  let largest = -Infinity, sum = 0;
  for (const value of x) largest = Math.max(largest, value);
  for (let i = 0; i < x.length; i++) sum += x[i] = Math.exp(x[i] - largest);
  for (let i = 0; i < x.length; i++) x[i] /= sum;
}

// Text and token ids, as course/world/conversation.py and course/world/tokenizer.json have them.

const SPECIAL = ["<pad>", "<eos>", "<user>", "<assistant>", "<think>", "</think>"]; // ids 0 to 5
const [, EOS, USER, ASSISTANT, THINK] = SPECIAL;

class Tokenizer {
  constructor({ model: { vocab, merges } }) {
    this.ids = new Map(Object.entries(vocab));
    this.tokens = [];
    for (const [token, id] of this.ids) this.tokens[id] = token;
    this.ranks = new Map(merges.map((pair, rank) => [typeof pair === "string" ? pair : pair.join(" "), rank]));
  }

  /** The characters of a text that no token holds, each once. */
  unreadable(text) {
    return [...new Set(text.toLowerCase())].filter((character) => !this.ids.has(character));
  }

  /** Token ids of plain text: what looks like a control token is read as ordinary characters. Capitals are folded. */
  encode(text) {
    const strange = this.unreadable(text);
    if (strange.length) {
      const shown = strange.slice(0, 5).map((character) => JSON.stringify(character)).join(", ");
      throw new Error(`The model has never read ${shown}: write with English letters, digits and plain punctuation.`);
    }
    return (text.toLowerCase().match(/[a-z]+|[^a-z]/g) ?? []).flatMap((piece) => this.#merged(piece));
  }

  /** Token ids of a prompt: strings are plain text, `{control: "<user>"}` is a control token. */
  encodePrompt(parts) {
    return parts.flatMap((part) => (typeof part === "string" ? this.encode(part) : [this.ids.get(part.control)]));
  }

  decode(ids) {
    return ids.map((id) => this.tokens[id]).join("");
  }

  /** Byte-pair encoding: the pair that was learned first merges first. */
  #merged(piece) {
    const parts = [...piece];
    for (;;) {
      let best = Infinity, place = -1;
      for (let i = 0; i + 1 < parts.length; i++) {
        const rank = this.ranks.get(`${parts[i]} ${parts[i + 1]}`);
        if (rank < best) [best, place] = [rank, i];
      }
      if (place < 0) return parts.map((part) => this.ids.get(part));
      parts.splice(place, 2, parts[place] + parts[place + 1]);
    }
  }
}

/** The question and nothing else, as `course.think.prompting.direct` asks it. */
const direct = (question) => [{ control: USER }, question, { control: ASSISTANT }];

/** The question with the reply begun inside its thoughts. */
const forceThinking = (question) => [...direct(question), { control: THINK }];

/** A question asked in one of these two ways. */
const asked = (question, thinking) => (thinking ? forceThinking : direct)(question);

/** A reply cut into what it thinks and what it answers; null where there is none. */
function splitReply(text) {
  const found = /^<think>([\s\S]*?)(?:<\/think>([\s\S]*))?$/.exec(text);
  return found ? { thoughts: found[1], answer: found[2] ?? null } : { thoughts: null, answer: text };
}

// The course's models in a page: what course/model and course/world do, without a kernel, a network or a library.
//
// const mini = await openModel(folder)             config.json, tokenizer.json and model.safetensors of a checkpoint
// for (const token of mini.generate(direct("How many r's are in strawberry?"), { seed: 7 })) ...


// --- sampling -----------------------------------------------------------------------------------------------------

/** Log-probs at a temperature; 0 counts as 1, as in `course.model.sampling`. */
function logSoftmax(logits, temperature = 1) {
  const scaled = Float32Array.from(logits, (value) => value / (temperature || 1));
  let largest = -Infinity, sum = 0;
  for (const value of scaled) largest = Math.max(largest, value);
  for (const value of scaled) sum += Math.exp(value - largest);
  const shift = largest + Math.log(sum);
  return scaled.map((value) => value - shift);
}

/** The token at which the cumulative probability passes a uniform number. */
function draw(logprobs, uniform) {
  const reached = new Float32Array(logprobs.length);
  let sum = 0;
  for (let i = 0; i < logprobs.length; i++) reached[i] = sum = Math.fround(sum + Math.fround(Math.exp(logprobs[i])));
  const wanted = Math.fround(uniform * sum);
  for (let i = 0; i < reached.length; i++) if (reached[i] > wanted) return i;
  return reached.length - 1;
}

function mostLikely(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** torch.rand on the CPU: MT19937 (Matsumoto and Nishimura 1998), 24 of its 32 bits to a number. */
class Uniform {
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

class Mini {
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
async function openModel(folder) {
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

// What the widgets of a page are made of: elements, controls with labels, a reply that grows, lines over axes.

const OF_PICTURES = new Set(["svg", "g", "line", "polyline", "text", "circle", "rect", "path", "title"]);
const SLICE = 12; // milliseconds of computing between two pictures of the page

/** An element with attributes (`onclick` and the like are listeners) and children; strings become text, never markup. */
function h(tag, attributes = {}, ...children) {
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
function box(el, name) {
  const root = h("div", {
    class: "course-widget", role: "group", "aria-label": name, "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => event.stopPropagation(),
  });
  el.replaceChildren(h("style", {}, LOOK), root);
  return root;
}

let controls = 0;

/** A slider under its name and value; arrow keys move it. `onmove` is called with the number. */
function slider({ name, value, least, most, step, show = String, onmove }) {
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
function field(name, value) {
  const id = `course-control-${Date.now().toString(36)}-${controls++}`;
  const input = h("input", { id, type: "text", value, maxlength: 300, autocomplete: "off" });
  return { label: h("label", { for: id }, name), input };
}

/** For work that newer work overtakes: each call returns whether what was begun by it is still wanted. */
function overtaking(root) {
  let running = 0;
  return () => {
    const mine = ++running;
    return () => mine === running && root.isConnected;
  };
}

/** One of several options, as radio buttons: Tab reaches them, arrow keys choose. */
function choice(name, options, chosen, onchange) {
  const group = `course-choice-${Date.now().toString(36)}-${controls++}`;
  const buttons = options.map((option) =>
    h("label", {}, h("input", {
      type: "radio", name: group, value: option, checked: option === chosen, onchange: () => onchange(option),
    }), ` ${option}`),
  );
  return h("fieldset", {}, h("legend", {}, name), buttons);
}

/** Something to tick. */
function tick(name, checked, onchange) {
  const input = h("input", { type: "checkbox", checked, onchange: () => onchange(input.checked) });
  return h("label", { style: "font-weight:normal" }, input, ` ${name}`);
}

/** A sentence that is read out when it changes: what went wrong, or that something is done. */
function message() {
  const element = h("p", { class: "note", role: "status" });
  return { element, say: (text) => (element.textContent = text) };
}

/**
 * Draw tokens, a picture of the page now and then. `show` gets each token. Returns how many came, and the milliseconds
 * of computing after the first, before which the prompt is read; or null if `alive` said no.
 */
async function stream(generation, show, alive = () => true) {
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
function bar(name, share, most = false) {
  const filled = h("span", {}, h("i", { style: `width:${(100 * share).toFixed(1)}%` }));
  return h("div", { class: most ? "bar most" : "bar" }, h("span", {}, name), filled, h("span", {}, share.toFixed(2)));
}

/** A token as it can be seen: spaces, line ends and the end of the reply included. */
function visible(token) {
  if (token === "<eos>") return "(end)";
  return token.replaceAll("\n", "↵").replaceAll(" ", "␣");
}

// Lines over axes, drawn as SVG. For a handful of points that change while a slider moves; still pictures are made by
// matplotlib (course/teach/plots.py), in whose colors and shapes these are.


const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const DASHES = ["", "7 4", "8 3 2 3", "2 3"];
const WIDTH = 480, HEIGHT = 250, LEFT = 52, RIGHT = 14, TOP = 30, BOTTOM = 46;

/**
 * A picture of lines: `x` and for each name in `lines` the heights above it; `xlim` and `ylim`, `xlabel` and `ylabel`,
 * `ticks` of the x axis; `log` for an x axis of powers; `level`, a dotted line; `said`, what it shows in words.
 */
function chart({ x, lines, xlim, ylim, xlabel, ylabel, ticks, log = false, level, said, here }) {
  const scale = log ? Math.log : (value) => value;
  const [low, high] = (xlim ?? [x[0], x[x.length - 1]]).map(scale);
  const across = (value) => LEFT + ((scale(value) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const up = (value) => HEIGHT - BOTTOM - ((value - ylim[0]) / (ylim[1] - ylim[0])) * (HEIGHT - TOP - BOTTOM);
  const line = (x1, y1, x2, y2, more = {}) =>
    h("line", { x1, y1, x2, y2, stroke: "currentColor", "stroke-opacity": 0.35, ...more });
  const marks = steps(...ylim).map((value) => [
    line(LEFT, up(value), WIDTH - RIGHT, up(value), { "stroke-opacity": 0.15 }),
    h("text", { x: LEFT - 7, y: up(value) + 4, "text-anchor": "end" }, short(value)),
  ]);
  const below = (ticks ?? steps(...(xlim ?? [x[0], x[x.length - 1]]))).map((value) =>
    h("text", { x: across(value), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, short(value)),
  );
  const drawn = Object.entries(lines).map(([name, heights], number) => {
    const look = { fill: "none", stroke: COLORS[number % 6], "stroke-width": 2.2, "stroke-dasharray": DASHES[number % 4] };
    const points = heights.map((y, at) => [across(x[at]), up(y)]).filter(([, y]) => Number.isFinite(y));
    const few = points.length <= 12 ? points.map(([cx, cy]) => h("circle", { cx, cy, r: 3.5, fill: look.stroke })) : [];
    const key = LEFT + 8 + number * 190;
    return h("g", {}, h("polyline", { points: points.map((point) => point.join(",")).join(" "), ...look }), few,
      h("line", { x1: key, y1: 12, x2: key + 28, y2: 12, ...look }), h("text", { x: key + 34, y: 16 }, name));
  });
  return h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": said, width: 640 }, marks, below,
    line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM),
    level == null ? null : line(LEFT, up(level), WIDTH - RIGHT, up(level), { "stroke-dasharray": "2 4", "stroke-opacity": 0.8 }),
    here == null ? null : line(across(here), TOP - 6, across(here), HEIGHT - BOTTOM, { "stroke-opacity": 0.8 }),
    drawn,
    h("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, xlabel),
    h("text", { transform: `translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, ylabel));
}

/** About five round numbers between two. */
function steps(from, to) {
  const rough = (to - from) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((times) => times * power >= rough) * power, found = [];
  for (let value = Math.ceil(from / step - 1e-9) * step; value <= to + step * 1e-9; value += step) found.push(value);
  return found;
}

function short(value) {
  return String(Number(value.toFixed(2)));
}

// A chart under sliders. Every position was computed in Python, so that it needs none to move.


/**
 * `state`: `sliders` [{name, value, least, most, step}]; `axes`, what `chart` takes besides lines; `frames`, for every
 * position of the sliders, the last one turning fastest, {lines, title, said}; `fixed`, lines that do not move.
 */
function adjust(el, state) {
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

// Ask the models: a question to one or more of them side by side, thoughts and answer as they come.


/**
 * `state`: `models`, their names; `question`, the first; `examples`, [{question, answer}] to choose from; `auto`, ask
 * at once. Every press draws another reply.
 */
function ask(el, state, { open }) {
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

// The shell game, drawn: five cups, a ball, and swaps that move them; and what a model thinks at each swap.


const APART = 90, WIDE = 70;

/** `state`: `problems` [{question, ball, swaps}], and `model` to be asked. The reader guesses, then looks. */
function cups(el, state, { open }) {
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

// A reply token by token: how likely each was, what else might have come, and what the model looked at.


const SHOWN = 6; // alternatives
const CERTAIN = 0.9; // a probability from which a token counts as no choice

/** `state`: `model`, `question`, `think`. A token that is chosen shows its alternatives; pressing one goes on with it. */
function explore(el, state, { open }) {
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

// A recorded run, replayed: its curves grow while the replies to one question change.


const PAUSE = 140; // milliseconds a step

/** `state`: `lines` {name: values by step}, `axes`, `replies` [{step, text}], `question`. */
function replay(el, state) {
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

// Pages of HTML that Python made, to be turned by one or two controls: traces, groups of replies, routes of tokens.


/**
 * `state`: `pages`, HTML by key; `first`, the key shown at first; `turns`, one or two {name, options}, whose chosen
 * options, joined by "|", are the key; `question`, if Python can make further pages of what is typed.
 * The HTML is the library's own, with everything a model said escaped.
 */
function turn(el, state, { request }) {
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

// Temperature and voting: many replies to one question, their answers counted as they come.


/** `state`: `model`, `question`, `answer`, `think`, `samples`. */
function vote(el, state, { open }) {
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

// One door to all widgets, in the form of an anywidget: `kind` says which, `state` what it shows.


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
function mount(el, kind, state, folder) {
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
