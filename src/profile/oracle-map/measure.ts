import { setImmediate as yieldToEvents } from "node:timers/promises";
import { sum } from "simple-statistics";
import { BASELINE } from "../../designs/designs.ts";
import type { OracleMap } from "../../protocol/oracle-map.ts";
import type { ProgressMeter } from "../progress-meter.ts";
import { Projections } from "../projections.ts";
import { chunkOf, type ProfileRequest } from "../request.ts";
import { TokenLoss } from "../token-loss.ts";
import { InputNorms } from "./input-norms.ts";
import { LayerMap, type LayerFindings } from "./layer-map.ts";
import type { MapPlan } from "./plan.ts";

/** Share of the progress that is given to the prefill; only the progress bar depends on it. */
const PREFILL_SHARE = 0.4;

/**
 * How much of every layer's own attention lies where each layer before it chose: one untimed prefill under full attention, of
 * which queries at sampled positions and all keys and values are kept, then exact softmax, one row of T at a time.
 * @throws the signal's reason when cancelled
 */
export async function measureOracleMap(
  request: ProfileRequest,
  tokens: Uint32Array,
  plan: MapPlan,
  meter: ProgressMeter,
): Promise<OracleMap> {
  const { model, signal } = request;
  const { a, k, counts, positions, errorPositions } = plan;
  meter.begin("oracle map", BASELINE);
  const { projections, norms, bits } = await prefilled(request, tokens, positions, meter);
  const inputs = { plan, projections, norms, chosen: [] };
  const findings: LayerFindings[] = [];
  for (let layer = 0; layer < a.layers; layer++) {
    const output = new Float32Array(a.hidden * a.queryHeads * a.headDim);
    await model.weights.layer(layer).o.read(output);
    const map = new LayerMap(inputs, layer, output);
    for (const [done] of positions.entries()) {
      // These rows hold the thread: an abort can only arrive here.
      await yieldToEvents();
      signal?.throwIfAborted();
      map.add(done);
      const share = (layer + (done + 1) / positions.length) / a.layers;
      meter.advance(PREFILL_SHARE + (1 - PREFILL_SHARE) * share);
    }
    findings.push(map.findings());
  }
  const bytes = sum(Array.from(tokens.subarray(1), (token) => model.tokenizer.byteLength(token)));
  return {
    method: method(plan),
    block: a.block,
    window: a.window,
    k,
    positions: [...positions],
    bitsPerByte: sum([...bits]) / bytes,
    tokens: bits.length,
    bytes,
    parts: findings.map(({ parts }) => parts),
    budgets: counts.map((count, at) => ({ k: count * a.block, layers: findings.map(({ budgets }) => budgets[at]!) })),
    errors: findings.flatMap(({ errors }) => (errors === undefined ? [] : [errors])),
    errorPositions: [...errorPositions],
  };
}

interface Prefilled {
  readonly projections: Projections;
  readonly norms: InputNorms;
  readonly bits: Float64Array;
}

/** The document under full attention: what the map is made of, and what the text costs the model. */
async function prefilled(
  request: ProfileRequest,
  tokens: Uint32Array,
  positions: readonly number[],
  meter: ProgressMeter,
): Promise<Prefilled> {
  const { engine, model, signal } = request;
  const { architecture } = model;
  const every = Array.from({ length: architecture.layers }, (_, layer) => layer);
  const wanted = { positions, queryLayers: every, keyLayers: every, valueLayers: every };
  const projections = new Projections(architecture, tokens.length, wanted);
  const norms = new InputNorms(architecture, positions);
  const loss = new TokenLoss(tokens, architecture.vocabulary);
  const runner = await engine.load(model, BASELINE, { chunk: chunkOf(request) });
  try {
    await runner.prefill(tokens, {
      ...(signal === undefined ? {} : { signal }),
      observer: {
        onProjected: projections.add.bind(projections),
        onLayerOutput: norms.add.bind(norms),
        onLogits: loss.add.bind(loss),
        onProgress: (done, total) => meter.advance((PREFILL_SHARE * done) / total),
      },
    });
  } finally {
    await runner.dispose();
  }
  projections.requireWhole();
  return { projections, norms, bits: loss.bits() };
}

function method({ a, k, positions, errorPositions }: MapPlan): string {
  return (
    `one untimed prefill under full attention; ${positions.length} query positions, one in each of as many equal stretches ` +
    `of those that see more than ${k} tokens; exact softmax over all visible keys in float64 from the engine's queries and ` +
    `keys, without sinks; a source chooses for each KV head the blocks of ${a.block} tokens with the highest probability of ` +
    "any of its query heads (HySparse's rule), and the same KV head of the later layer reads there; shares of all positions " +
    `and query heads together; errors at ${errorPositions.length} of the positions`
  );
}
