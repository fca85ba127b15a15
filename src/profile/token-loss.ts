/**
 * What each token of a text costs a model, -log2 p(token | those before it), gathered while a prefill runs
 * (RunObserver.onLogits); float64, the greatest logit subtracted first.
 */
export class TokenLoss {
  readonly #tokens: Uint32Array;
  readonly #vocabulary: number;
  readonly #bits: Float64Array;
  /** The position whose logits come next. */
  #next = 0;

  constructor(tokens: Uint32Array, vocabulary: number) {
    this.#tokens = tokens;
    this.#vocabulary = vocabulary;
    this.#bits = new Float64Array(Math.max(0, tokens.length - 1));
  }

  /** Takes logits [rows, vocabulary] after the positions start ..; pieces must come in order. */
  add(start: number, logits: Float32Array): void {
    if (start !== this.#next) throw new Error(`logits of position ${start} came where ${this.#next} was next`);
    const rows = logits.length / this.#vocabulary;
    for (let row = 0; row < rows; row++) {
      const target = this.#tokens[start + row + 1];
      if (target === undefined) continue;
      const own = logits.subarray(row * this.#vocabulary, (row + 1) * this.#vocabulary);
      this.#bits[start + row] = surprise(own, target);
    }
    this.#next += rows;
  }

  /**
   * Bits of the tokens 1 .. T - 1, in order. [T - 1]
   * @throws Error when the engine did not tell of every position, or some logit was no number
   */
  bits(): Float64Array {
    if (this.#next !== this.#tokens.length) {
      throw new Error(`logits of ${this.#next} positions came, not of ${this.#tokens.length}`);
    }
    const wrong = this.#bits.findIndex((bits) => !Number.isFinite(bits));
    if (wrong >= 0) throw new Error(`the loss of token ${wrong + 1} is ${this.#bits[wrong]!}`);
    return this.#bits;
  }
}

/** -log2 of the softmax of `logits` at `target`. */
function surprise(logits: Float32Array, target: number): number {
  let greatest = -Infinity;
  for (let i = 0; i < logits.length; i++) greatest = Math.max(greatest, logits[i]!);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - greatest);
  return (Math.log(sum) + greatest - logits[target]!) / Math.LN2;
}
