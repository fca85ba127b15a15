import { BASELINE } from "../../src/designs/designs.ts";
import { VARIANTS, type Variant } from "../../src/engine/engine.ts";
import type { PanelState } from "../../src/protocol/panel.ts";
import type { Sweep } from "../../src/protocol/report.ts";
import { bytes, count, duration, plural } from "../../src/text/format.ts";
import { crossovers, type Crossover } from "../../src/report/crossover.ts";
import { VARIANT_NAMES, VARIANT_SHORT, VARIANT_WORDS, type PhaseName } from "../../src/report/names.ts";
import { sweepKv, sweepNotes, sweepPhases, sweepRatios, sweepTimes } from "../../src/report/sweep-table.ts";
import { hasEditor } from "./exported.ts";
import type { NamedTable } from "./named-table.ts";
import { waitingText } from "./waiting.ts";
import { largest, least } from "../../src/profile/extremes.ts";

export interface CurvesModel {
  /** Undefined until lengths were measured: then there is a button instead. */
  readonly curves?: readonly CurveModel[];
  readonly message: string;
  readonly method?: string;
  readonly notes: readonly string[];
  readonly tables: readonly NamedTable[];
  readonly busy: boolean;
}

/** One quantity against context length, every variant a line; both axes logarithmic. */
export interface CurveModel {
  readonly id: string;
  readonly caption: string;
  readonly label: string;
  /** How the axis prints a value. */
  readonly unit: "time" | "bytes";
  readonly tokens: readonly number[];
  readonly lines: readonly CurveLine[];
  readonly texts: readonly (readonly string[])[];
  /** Between which lengths the report's subject overtakes the baseline. */
  readonly crossing?: { readonly from: number; readonly to: number };
}

export interface CurveLine {
  readonly variant: Variant;
  readonly name: string;
  /** Undefined in a gap. */
  readonly values: readonly (number | undefined)[];
  readonly min: readonly (number | undefined)[];
  readonly max: readonly (number | undefined)[];
}

type Point = Sweep["points"][number];
type Values = NonNullable<Point["variants"][Variant]>;

interface Quantity {
  readonly id: string;
  readonly caption: string;
  readonly unit: CurveModel["unit"];
  readonly phase?: PhaseName;
  readonly value: (values: Values) => number | undefined;
  readonly samples: (values: Values) => readonly number[] | undefined;
}

const CAPTIONS = { prefill: "Prefill: the whole context", decode: "Decode: per output token" } as const;

const QUANTITIES: readonly Quantity[] = [
  {
    id: "curve-prefill",
    caption: CAPTIONS.prefill,
    unit: "time",
    phase: "prefill",
    value: ({ prefillMs }) => prefillMs,
    samples: ({ prefillSamples }) => prefillSamples,
  },
  {
    id: "curve-decode",
    caption: CAPTIONS.decode,
    unit: "time",
    phase: "decode",
    value: ({ timePerOutputTokenMs }) => timePerOutputTokenMs,
    samples: ({ timePerOutputTokenSamples }) => timePerOutputTokenSamples,
  },
  { id: "curve-kv", caption: "KV memory", unit: "bytes", value: ({ kvBytes }) => kvBytes, samples: () => undefined },
];

export function curvesModel(state: PanelState): CurvesModel | undefined {
  const { report, job } = state;
  if (!report) return undefined;
  const { sweep } = report;
  if (!sweep) {
    // One that was asked for is still to come.
    if (!hasEditor(state) || waitingText("lengths", state) !== undefined) return undefined;
    return {
      message:
        "Only this document's length was measured. A sweep measures other lengths and shows where a design starts to pay off.",
      notes: [],
      tables: [],
      busy: job !== undefined,
    };
  }
  const run = sweep.points.filter(({ skipped }) => skipped === undefined);
  const crossed = crossovers(report);
  const curves = QUANTITIES.flatMap((quantity) => curveOf(quantity, run, crossed));
  return {
    curves,
    message: crossed[0]?.text ?? `Measured at ${plural(run.length, "context length")}.`,
    method: sweep.method,
    notes: [...crossed.slice(1).map(({ text }) => text), ...sweepNotes(report)],
    tables: [
      ...sweepPhases(report).flatMap((phase) => {
        const ratios = sweepRatios(report, phase);
        return [
          { caption: CAPTIONS[phase], table: sweepTimes(report, phase) },
          ...(ratios === undefined ? [] : [{ caption: `${CAPTIONS[phase]}, time ratios`, table: ratios }]),
        ];
      }),
      { caption: "KV memory", table: sweepKv(report) },
    ],
    busy: job !== undefined,
  };
}

function curveOf(quantity: Quantity, points: readonly Point[], crossed: readonly Crossover[]): CurveModel[] {
  const lines = VARIANTS.flatMap((variant): CurveLine[] => {
    const of = points.map(({ variants }) => variants[variant]);
    const values = of.map((data) => data && quantity.value(data));
    if (values.every((value) => value === undefined)) return [];
    const extreme = (pick: (numbers: readonly number[]) => number): (number | undefined)[] =>
      of.map((data) => {
        const samples = data && quantity.samples(data);
        return samples && samples.length > 1 ? pick(samples) : undefined;
      });
    return [{ variant, name: VARIANT_SHORT[variant], values, min: extreme(least), max: extreme(largest) }];
  });
  if (lines.length === 0) return [];
  const say = quantity.unit === "time" ? duration : bytes;
  const overtaking = crossed.find(({ rival, phase }) => rival === BASELINE && phase === quantity.phase);
  const [from, to] = overtaking?.between ?? [];
  const ends = lines.flatMap(({ variant, values }) => {
    const last = values.at(-1);
    return last === undefined ? [] : [`${VARIANT_WORDS[variant]} ${say(last)}`];
  });
  return [
    {
      id: quantity.id,
      caption: quantity.caption,
      label:
        `${quantity.caption} against context length. At ${count(points.at(-1)?.tokens ?? 0)} tokens: ${ends.join(", ")}.` +
        (overtaking ? ` ${overtaking.text}` : ""),
      unit: quantity.unit,
      tokens: points.map(({ tokens }) => tokens),
      lines,
      texts: points.map((_, i) =>
        lines.map(({ variant, values, min, max }) => {
          const [value, low, high] = [values[i], min[i], max[i]];
          if (value === undefined) return `${VARIANT_NAMES[variant]} not measured`;
          const range = low === undefined || high === undefined ? "" : ` (${say(low)} to ${say(high)})`;
          return `${VARIANT_NAMES[variant]} ${say(value)}${range}`;
        }),
      ),
      ...(from === undefined || to === undefined ? {} : { crossing: { from, to } }),
    },
  ];
}
