// Text and token ids, as course/world/conversation.py and course/world/tokenizer.json have them.

export const SPECIAL = ["<pad>", "<eos>", "<user>", "<assistant>", "<think>", "</think>"]; // ids 0 to 5
export const [, EOS, USER, ASSISTANT, THINK] = SPECIAL;

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

/** A question asked in one of these two ways. */
export const asked = (question, thinking) => (thinking ? forceThinking : direct)(question);

/** A reply cut into what it thinks and what it answers; null where there is none. */
export function splitReply(text) {
  const found = /^<think>([\s\S]*?)(?:<\/think>([\s\S]*))?$/.exec(text);
  return found ? { thoughts: found[1], answer: found[2] ?? null } : { thoughts: null, answer: text };
}
