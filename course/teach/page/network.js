// A dense decoder in a page, one token at a time: RMSNorm, grouped-query attention with rotary positions, a gated
// feed-forward layer, tied embeddings; what course/model/transformer.py computes. Numbers are single precision wherever
// PyTorch's are.

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
