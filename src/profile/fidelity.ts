import { setImmediate as yieldToEvents } from "node:timers/promises";
import { asRun } from "../designs/as-planned.ts";
import { FIDELITY_DESIGNS, planOf, selectingDesign } from "../designs/designs.ts";
import type { Runner, Variant } from "../engine/engine.ts";
import { fedBy, schedule, selectedBlocks, type Architecture } from "../model/architecture.ts";
import { attended, topBlocks } from "./attended.ts";
import { FidelityShares } from "./fidelity-shares.ts";
import { keptShortage, type Shortage } from "./kept-shortage.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import { Projections, type Wanted } from "./projections.ts";
import type { Fidelity, FidelityLayer } from "../protocol/report.ts";
import { chunkOf, type ProfileRequest } from "./request.ts";
import { sampledQueries } from "./sampled-queries.ts";

const MOST_QUERIES = 64;

/** Share of a variant's progress that is given to its prefill; only the progress bar depends on it. */
const PREFILL_SHARE = 0.7;

/**
 * The variants among those asked for whose fidelity is measured: some inherit, others say what they would inherit. None when
 * no query of the document can choose.
 */
export function fidelityVariants({ variants, model }: ProfileRequest, tokens: number): Variant[] {
  const choosing = sampledQueries(inherited({ model }), tokens, 1).length > 0;
  return choosing ? FIDELITY_DESIGNS.filter((variant) => variants.includes(variant)) : [];
}

/** The architecture with the blocks, k and window that are inherited, or would be: those of the design that chooses blocks. */
export function inherited({ model: { architecture } }: Pick<ProfileRequest, "model">): Architecture {
  return asRun(architecture, selectingDesign(architecture));
}

/**
 * Why the keys would not fit, and what would; undefined where they do.
 * @param available bytes that may be used for keys
 */
export function fidelityShortage(request: ProfileRequest, tokens: number, available?: number): Shortage | undefined {
  const { architecture: a } = request.model;
  const layers = Math.max(0, ...fidelityVariants(request, tokens).map((of) => wanted(a, of, []).keyLayers.length));
  return keptShortage(`the keys of ${layers} layers`, layers * a.kvHeads * a.headDim, tokens, available);
}

/**
 * Measures how much of what each sparse layer looks at lies in the blocks it inherits: one untimed prefill per variant,
 * then exact scores of sampled queries. Where a design's layers do not read another's keys, the schedule is only laid over
 * them, and what a layer would inherit is what its oracle's own scores choose.
 *
 * @throws the signal's reason when cancelled
 */
export async function measureFidelity(
  request: ProfileRequest,
  tokens: Uint32Array,
  meter: ProgressMeter,
): Promise<Fidelity> {
  const { engine, model } = request;
  const shape = inherited(request);
  const positions = sampledQueries(shape, tokens.length, MOST_QUERIES);
  const variants: Fidelity["variants"] = {};
  for (const variant of fidelityVariants(request, tokens.length)) {
    meter.begin("oracle fidelity", variant);
    const runner = await engine.load(model, variant, { chunk: chunkOf(request) });
    try {
      variants[variant] = { layers: await layersOf(request, runner, variant, tokens, positions, meter) };
    } finally {
      await runner.dispose();
    }
  }
  return { method: method(shape, positions), queries: positions.length, positions, variants };
}

/** Whether layers of the design read the keys of their oracles, and not only their own. */
function borrows(a: Architecture, variant: Variant): boolean {
  return planOf(a, variant).some(({ readsFrom }) => readsFrom !== undefined);
}

function wanted(a: Architecture, variant: Variant, positions: readonly number[]): Wanted {
  const kinds = schedule(a);
  const oracles = kinds.flatMap((_, layer) => (fedBy(kinds, layer).length > 0 ? [layer] : []));
  const inheriting = kinds.flatMap((kind, layer) => (kind === "sparse" ? [layer] : []));
  return borrows(a, variant)
    ? { positions, queryLayers: inheriting, keyLayers: oracles }
    : { positions, queryLayers: [...oracles, ...inheriting], keyLayers: [...oracles, ...inheriting] };
}

async function layersOf(
  { model, signal }: ProfileRequest,
  runner: Runner,
  variant: Variant,
  tokens: Uint32Array,
  positions: readonly number[],
  meter: ProgressMeter,
): Promise<FidelityLayer[]> {
  const a = inherited({ model });
  const asked = wanted(a, variant, positions);
  const projections = new Projections(a, tokens.length, asked);
  await runner.prefill(tokens, {
    ...(signal === undefined ? {} : { signal }),
    observer: {
      onProjected: projections.add.bind(projections),
      onProgress: (done, total) => meter.advance((PREFILL_SHARE * done) / total),
    },
  });
  projections.requireWhole();
  const inheritedBy = await inheritance(a, runner, projections);

  const kinds = schedule(a);
  const borrowing = borrows(a, variant);
  const shares = new Map<number, FidelityShares>();
  for (const [sample, position] of positions.entries()) {
    for (const [oracle] of kinds.entries()) {
      const fed = fedBy(kinds, oracle);
      if (fed.length === 0) continue;
      // These loops hold the thread: an abort can only arrive here.
      await yieldToEvents();
      signal?.throwIfAborted();
      const blocks = inheritedBy(oracle, sample, position);
      for (const layer of fed) {
        const keys = projections.keys(borrowing ? oracle : layer);
        const looked = attended(a, projections.query(layer, sample), keys, position);
        const gathered = shares.get(layer) ?? new FidelityShares(a);
        gathered.add(position, looked, blocks);
        shares.set(layer, gathered);
      }
    }
    meter.advance(PREFILL_SHARE + ((1 - PREFILL_SHARE) * (sample + 1)) / positions.length);
  }
  return kinds.flatMap((_, oracle) =>
    fedBy(kinds, oracle).map((layer) => ({ layer, oracle, distance: layer - oracle, ...shares.get(layer)!.report() })),
  );
}

/** The blocks that the layers after `oracle` inherit, by KV head: those the runner selected, else by the oracle's scores. */
async function inheritance(
  a: Architecture,
  runner: Runner,
  projections: Projections,
): Promise<(oracle: number, sample: number, position: number) => number[][]> {
  const selection = await runner.selection();
  if (selection === undefined) {
    return (oracle, sample, position) =>
      topBlocks(a, attended(a, projections.query(oracle, sample), projections.keys(oracle), position));
  }
  return (oracle, _, position) => {
    const record = selection.oracles.find(({ layer }) => layer === oracle);
    if (record === undefined) throw new Error(`the selection of oracle ${oracle} was not recorded`);
    return Array.from({ length: a.kvHeads }, (_, kvHead) => record.at(position, kvHead).blocks);
  };
}

function method(a: Architecture, positions: readonly number[]): string {
  return (
    `${positions.length} query positions, one in each of as many equal stretches of those that see more than ` +
    `${selectedBlocks(a)} blocks of ${a.block} tokens, shifted within it by steps of the golden ratio; exact softmax over ` +
    "all visible keys in float64 from the engine's queries and keys, without sinks; " +
    "hysparse: a sparse layer's queries over its oracle's keys, also those it never reads and so was not trained to weigh, " +
    "and the blocks that the engine selected; full: each layer's " +
    "own keys, and the blocks that the oracle's own scores choose by the same rule; mass: mean over positions and query " +
    "heads; blocks: mean over positions and KV heads"
  );
}
