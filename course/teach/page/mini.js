// The course's models in a page: what course/model and course/world do, without a kernel, a network or a library.
//
// const mini = await openModel(folder)             config.json, tokenizer.json and model.safetensors of a checkpoint
// for (const token of mini.generate(direct("How many r's are in strawberry?"), { seed: 7 })) ...
//
// One token at a time through a dense decoder: RMSNorm, grouped-query attention with rotary positions, a gated
// feed-forward layer, tied embeddings. Numbers are single precision wherever PyTorch's are.

export const SPECIAL = ["<pad>", "<eos>", "<user>", "<assistant>", "<think>", "</think>"]; // ids 0 to 5
const [, EOS, USER, ASSISTANT, THINK] = SPECIAL;

// --- the checkpoint -----------------------------------------------------------------------------------------------

/** The weights of a safetensors file, by name: {values: Float32Array, shape}. Throws for other types than F16 and F32. */
export function readSafetensors(buffer) {
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

export class Network {
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

// --- text ---------------------------------------------------------------------------------------------------------

export class Tokenizer {
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
export const direct = (question) => [{ control: USER }, question, { control: ASSISTANT }];

/** The question with the reply begun inside its thoughts. */
export const forceThinking = (question) => [...direct(question), { control: THINK }];

/** A reply cut into what it thinks and what it answers; null where there is none. */
export function splitReply(text) {
  const found = /^<think>([\s\S]*?)(?:<\/think>([\s\S]*))?$/.exec(text);
  return found ? { thoughts: found[1], answer: found[2] ?? null } : { thoughts: null, answer: text };
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
   * same reply as `generate(model, tokenizer, [prompt], seed=seed)` in Python. Temperature 0 is greedy.
   */
  *generate(prompt, { seed = 0, temperature = 1, maxNewTokens = 160, look = false } = {}) {
    const ids = this.tokenizer.encodePrompt(prompt), state = this.network.newState();
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
