import type { Chart, ChartConfiguration, Plugin } from "chart.js";
import { byDesign } from "../../src/designs/designs.ts";
import { bytes, count, duration } from "../../src/text/format.ts";
import type { CurveModel } from "../model/curves.ts";
import type { Theme } from "../theme.ts";
import { measure } from "./bars.ts";
import { writeEnds } from "./ends.ts";
import { plot, tooltip, type Plot, type Values } from "./plot.ts";
import { largest, least } from "../../src/profile/extremes.ts";

const LOOKS = byDesign(({ look }) => look);

/** Lines against context length, both axes logarithmic, with the range of the samples and the crossover. */
export function curve(model: CurveModel): Plot {
  return plot<"line">({
    id: model.id,
    caption: model.caption,
    label: model.label,
    shape: "tall",
    titles: model.tokens.map((tokens) => `${count(tokens)} tokens`),
    texts: model.texts,
    configure: (theme) => configure(model, theme),
  });
}

type Config = ChartConfiguration<"line", Values, string>;

function configure(model: CurveModel, theme: Theme): Config {
  const font = { family: theme.font, size: theme.size };
  const room =
    measure(
      model.lines.map(({ name }) => `= ${name}`),
      font,
    ) + 10;
  const say = model.unit === "time" ? duration : bytes;
  const all = model.lines.flatMap(({ values, min, max }) => [...values, ...min, ...max]).filter((v) => v !== undefined);
  return {
    type: "line",
    data: {
      datasets: model.lines.map(({ variant, name, values }) => {
        const { hue, dash, point } = LOOKS[variant];
        const colour = theme.contrast ? theme.ink : theme.hues[hue];
        return {
          label: name,
          data: values.map((value, i) => ({ x: model.tokens[i] ?? 0, y: value ?? NaN })),
          borderColor: colour,
          backgroundColor: colour,
          borderWidth: 2,
          borderDash: [...dash],
          pointStyle: point,
          pointRadius: 4,
          pointHoverRadius: 6,
        };
      }),
    },
    options: {
      interaction: { mode: "index", intersect: false },
      layout: { padding: { right: room, top: 16 } },
      scales: {
        x: {
          type: "logarithmic",
          min: least(model.tokens) * 0.9,
          max: largest(model.tokens) * 1.1,
          ticks: {
            color: theme.soft,
            font,
            maxRotation: 0,
            autoSkipPadding: 6,
            callback: (value) => short(Number(value)),
          },
          afterBuildTicks: (axis) => {
            axis.ticks = model.tokens.map((value) => ({ value }));
          },
          grid: { display: false },
          border: { color: theme.soft },
          title: { display: true, text: "tokens in context", color: theme.soft, font },
        },
        y: {
          type: "logarithmic",
          min: least(all) * 0.7,
          max: largest(all) * 1.4,
          ticks: { color: theme.soft, font, maxTicksLimit: 6, callback: (value) => round(say(Number(value))) },
          afterBuildTicks: (axis) => {
            axis.ticks = decades(axis.min, axis.max, model.unit).map((value) => ({ value }));
          },
          grid: { color: theme.grid, lineWidth: theme.contrast ? 0.3 : 0.6, drawTicks: false },
          border: { display: false },
        },
      },
      plugins: {
        tooltip: tooltip<"line">(
          theme,
          model.tokens.map((tokens) => `${count(tokens)} tokens`),
          model.texts,
        ),
      },
    },
    plugins: [marks(model, theme, font)],
  };
}

/** 4096 as "4k", 3982 as "3,982". */
function short(tokens: number): string {
  return tokens % 1024 === 0 ? `${count(tokens / 1024)}k` : count(tokens);
}

/** "5.00 s" as "5 s": ticks are round numbers. */
function round(text: string): string {
  return text.replace(/[.]0+ /, " ").replace(/([.][0-9]*[1-9])0+ /, "$1 ");
}

/** Round values of a logarithmic axis, few enough to be read: 1, 2, 5 of each power, or the powers alone. */
function decades(min: number, max: number, unit: CurveModel["unit"]): number[] {
  const base = unit === "bytes" ? 2 : 10;
  const first = Math.floor(Math.log(min) / Math.log(base));
  const last = Math.ceil(Math.log(max) / Math.log(base));
  const powers = Array.from({ length: last - first + 1 }, (_, i) => base ** (first + i));
  const fine = unit === "bytes" ? powers : powers.flatMap((power) => [power, 2 * power, 5 * power]);
  const inside = fine.filter((value) => value >= min && value <= max);
  const step = unit === "bytes" ? Math.ceil(inside.length / 6) : 1;
  if (unit === "time" && inside.length > 8) return powers.filter((value) => value >= min && value <= max);
  return inside.filter((_, i) => i % step === 0);
}

/** Ranges as thin lines, names at the lines' ends, and the band in which the crossover lies. */
function marks(model: CurveModel, theme: Theme, font: { family: string; size: number }): Plugin<"line"> {
  return {
    id: "marks",
    beforeDatasetsDraw({ ctx, chartArea, scales }: Chart<"line">) {
      const x = scales["x"];
      if (!model.crossing || !x) return;
      const [from, to] = [x.getPixelForValue(model.crossing.from), x.getPixelForValue(model.crossing.to)];
      ctx.save();
      ctx.globalAlpha = 0.12;
      ctx.fillStyle = theme.ink;
      ctx.fillRect(from, chartArea.top, to - from, chartArea.height);
      ctx.globalAlpha = 1;
      ctx.strokeStyle = theme.soft;
      ctx.setLineDash([3, 3]);
      for (const at of [from, to]) {
        ctx.beginPath();
        ctx.moveTo(at, chartArea.top);
        ctx.lineTo(at, chartArea.bottom);
        ctx.stroke();
      }
      ctx.fillStyle = theme.ink;
      ctx.font = `${font.size}px ${font.family}`;
      ctx.textAlign = "center";
      ctx.fillText("crossover", (from + to) / 2, chartArea.top - 4);
      ctx.restore();
    },
    afterDatasetsDraw({ ctx, chartArea, scales }: Chart<"line">) {
      const { x, y } = scales;
      if (!x || !y) return;
      ctx.save();
      const ends = new Map<number, string[]>();
      for (const { variant, name, values, min, max } of model.lines) {
        ctx.strokeStyle = ctx.fillStyle = theme.contrast ? theme.ink : theme.hues[LOOKS[variant].hue];
        ctx.lineWidth = 1.5;
        model.tokens.forEach((tokens, i) => {
          const [low, high] = [min[i], max[i]];
          if (low === undefined || high === undefined) return;
          ctx.beginPath();
          ctx.moveTo(x.getPixelForValue(tokens), y.getPixelForValue(low));
          ctx.lineTo(x.getPixelForValue(tokens), y.getPixelForValue(high));
          ctx.stroke();
        });
        const last = values.findLast((value) => value !== undefined);
        if (last === undefined) continue;
        const at = Math.round(y.getPixelForValue(last));
        ends.set(at, [...(ends.get(at) ?? []), name]);
      }
      writeEnds(ctx, chartArea.right, ends, font, theme.ink);
      ctx.restore();
    },
  };
}
