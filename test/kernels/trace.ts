import assert from "node:assert/strict";
import type { RunObserver, Runner } from "../../src/engine/engine.ts";
import type { Architecture } from "../../src/model/architecture.ts";

/** Block scores of one full layer for all positions so far, [T][Hkv][block]. */
export type ScoreRows = Float32Array[][];

/** Everything an engine tells of a run, put together from its chunks and decode steps. */
export interface Trace {
  /** [layer][position] -> [E] */
  readonly outputs: Float32Array[][];
  /** By full layer (hysparse only). */
  readonly scores: Map<number, ScoreRows>;
  /** Logits after the last position, [V]. */
  logits: Float32Array;
}

/** An observer that copies into `trace`, and asserts that pieces come in order and have the shapes they should. */
export function recorder(architecture: Architecture, trace: Trace): RunObserver {
  const { hidden, kvHeads, block, layers } = architecture;
  return {
    onLayerOutput(layer, start, values) {
      assert.ok(layer >= 0 && layer < layers, `layer ${layer} of ${layers}`);
      assert.equal(start, trace.outputs[layer]!.length, `layer ${layer}: outputs come without gaps`);
      assert.equal(values.length % hidden, 0, `layer ${layer}: output of ${values.length} values`);
      for (let at = 0; at < values.length; at += hidden) trace.outputs[layer]!.push(values.slice(at, at + hidden));
    },
    onScores(layer, start, rows, blocks, scores) {
      const seen = trace.scores.get(layer) ?? [];
      trace.scores.set(layer, seen);
      assert.equal(start, seen.length, `layer ${layer}: scores come without gaps`);
      assert.equal(scores.length, rows * kvHeads * blocks, `layer ${layer}: scores [${rows}, ${kvHeads}, ${blocks}]`);
      assert.ok(
        blocks >= Math.ceil((start + rows) / block),
        `layer ${layer}: ${blocks} blocks for ${start + rows} keys`,
      );
      for (let row = 0; row < rows; row++) {
        const visible = Math.floor((start + row) / block) + 1;
        seen.push(
          Array.from({ length: kvHeads }, (_, head) => {
            const from = (row * kvHeads + head) * blocks;
            const unseen = scores.subarray(from + visible, from + blocks);
            assert.ok(
              unseen.every((s) => s === 0),
              `layer ${layer}, query ${start + row}: unseen blocks score 0`,
            );
            return scores.slice(from, from + visible);
          }),
        );
      }
    },
  };
}

export function emptyTrace(layers: number): Trace {
  return { outputs: Array.from({ length: layers }, () => []), scores: new Map(), logits: new Float32Array() };
}

export interface TraceOptions {
  /** Tokens run as decode steps, the last ones; 0 when absent. */
  readonly decoded?: number;
  /** Reserve room for all tokens after the prompt, so that decode steps need none of their own. */
  readonly reserve?: boolean;
  /** Told of a layer's queries and keys. */
  readonly onProjected?: RunObserver["onProjected"];
  /** Told of the logits after each decode step. */
  readonly onLogits?: (position: number, logits: Float32Array) => void;
}

/** Runs `tokens` through an empty runner: a prompt, then decode steps. The runner keeps the context. */
export async function traceRun(
  runner: Runner,
  architecture: Architecture,
  tokens: Uint32Array,
  { decoded = 0, reserve = false, onLogits, onProjected }: TraceOptions = {},
): Promise<Trace> {
  const trace = emptyTrace(architecture.layers);
  const observer = { ...recorder(architecture, trace), ...(onProjected === undefined ? {} : { onProjected }) };
  const prompt = tokens.length - decoded;
  trace.logits = await runner.prefill(tokens.slice(0, prompt), { observer });
  if (reserve) await runner.reserve(tokens.length);
  for (let position = prompt; position < tokens.length; position++) {
    trace.logits = await runner.decode(tokens[position]!, { observer });
    onLogits?.(position, trace.logits);
  }
  assert.equal(runner.length, tokens.length);
  return trace;
}
