import { mean, sum } from "simple-statistics";
import type { MapLayer, OracleMap } from "../../protocol/oracle-map.ts";
import { attended } from "../attended.ts";
import type { Projections } from "../projections.ts";
import { BlockOutputs } from "./block-outputs.ts";
import { newestBlocks, ownBlocks, type ChosenBlocks } from "./chosen-blocks.ts";
import type { InputNorms } from "./input-norms.ts";
import { PairShares, queryParts, rounded } from "./pair-shares.ts";
import type { MapPlan } from "./plan.ts";
import { squaredNorms } from "./squared-norms.ts";

/** Of an error: there are many, and what is behind is chance. */
const DIGITS = 5;

/** What there is to say of one layer. */
export interface LayerFindings {
  readonly parts: OracleMap["parts"][number];
  /** By number of blocks. */
  readonly budgets: readonly MapLayer[];
  /** Absent for the first layer. */
  readonly errors?: OracleMap["errors"][number];
}

/** What all layers of a map share. */
export interface MapInputs {
  readonly plan: MapPlan;
  readonly projections: Projections;
  readonly norms: InputNorms;
  /** What each layer so far chose for each sampled query; the next adds its own. */
  readonly chosen: ChosenBlocks[][];
}

/** Holds one layer, query by query, against what it chose itself and what all layers before it chose. */
export class LayerMap {
  readonly #inputs: MapInputs;
  readonly #layer: number;
  readonly #output: Float32Array;
  readonly #outputs: BlockOutputs;
  /** By source, the layer itself and then the newest blocks last. */
  readonly #shares: readonly PairShares[];
  readonly #errors: Float64Array;
  /** One for each query and query head. */
  readonly #first: number[] = [];
  readonly #window: number[] = [];
  readonly #rest: number[] = [];
  readonly #visible: number[] = [];

  /**
   * @param layer the one after those whose choices are known
   * @param output its output projection [hidden, Hq d]
   */
  constructor(inputs: MapInputs, layer: number, output: Float32Array) {
    const { a, counts } = inputs.plan;
    this.#inputs = inputs;
    this.#layer = layer;
    this.#output = output;
    this.#outputs = new BlockOutputs(a);
    this.#shares = Array.from({ length: layer + 2 }, () => new PairShares(a, counts));
    this.#errors = new Float64Array(layer + 2);
    inputs.chosen[layer] = [];
  }

  /** Takes the sampled query with this index, the one after the last. */
  add(sample: number): void {
    const { plan, projections, chosen } = this.#inputs;
    const { a, counts, positions, errorPositions } = plan;
    const layer = this.#layer;
    const position = positions[sample]!;
    const erring = layer > 0 && errorPositions.includes(position);
    const values = projections.values(layer);
    if (erring) this.#outputs.begin(position);
    const looked = attended(a, projections.query(layer, sample), projections.keys(layer), position, (head, row) => {
      if (erring) this.#outputs.add(head, row, values);
    });
    const most = counts[counts.length - 1]!;
    chosen[layer]!.push(ownBlocks(a, looked, most));
    const sources = [...chosen.map((by) => by[sample]!), newestBlocks(a, looked.visible, most)];
    const parts = queryParts(looked);
    sources.forEach((source, i) => this.#shares[i]!.add(looked, parts, source));
    this.#first.push(...parts.rest.map((rest, head) => 1 - rest - parts.window[head]!));
    this.#window.push(...parts.window);
    this.#rest.push(...parts.rest);
    this.#visible.push(...parts.window.map(() => looked.visible));
    if (!erring) return;
    const width = a.queryHeads * a.headDim;
    const rows = new Float32Array(sources.length * width);
    sources.forEach((source, i) => {
      const row = rows.subarray(i * width, (i + 1) * width);
      this.#outputs.difference(looked, source, plan.k / a.block, row);
    });
    const input = this.#inputs.norms.of(layer, sample);
    squaredNorms(this.#output, rows, width).forEach((norm, i) => (this.#errors[i]! += norm / input));
  }

  findings(): LayerFindings {
    const { counts, errorPositions } = this.#inputs.plan;
    const reports = this.#shares.map((shares) => shares.report());
    const errors = Array.from(this.#errors, (total) => Number((total / errorPositions.length).toPrecision(DIGITS)));
    return {
      parts: { first: rounded(mean(this.#first)), window: rounded(mean(this.#window)) },
      budgets: counts.map((count, at): MapLayer => {
        const of = reports.map((report) => report[at]!);
        const sources = of.slice(0, -1);
        const { mass, withWindow, rest } = of[of.length - 1]!;
        return {
          mass: sources.map((source) => source.mass),
          withWindow: sources.map((source) => source.withWindow),
          rest: sources.map((source) => source.rest),
          best: sources.map((source) => source.best),
          newest: { mass, withWindow, rest },
          random: this.#random(count),
        };
      }),
      ...(this.#layer === 0 ? {} : { errors: { bySource: errors.slice(0, -1), newest: errors[errors.length - 1]! } }),
    };
  }

  /** Expected of random visible blocks: each is as likely as any other, and all their shares make 1. */
  #random(count: number): MapLayer["random"] {
    const drawn = this.#visible.map((visible) => Math.min(1, count / visible));
    const rest = sum(this.#rest);
    return {
      mass: rounded(mean(drawn)),
      withWindow: rounded(mean(drawn.map((chance, i) => this.#window[i]! + (1 - this.#window[i]!) * chance))),
      rest: rest > 0 ? rounded(sum(drawn.map((chance, i) => this.#rest[i]! * chance)) / rest) : 1,
    };
  }
}
