import type { Chart, ChartConfiguration, Plugin } from "chart.js";
import type { Hue } from "../../src/designs/look.ts";
import type { CoverageName } from "../../src/report/fidelity.ts";
import type { CoverageChart } from "../model/coverage.ts";
import type { Theme } from "../theme.ts";
import { measure } from "./bars.ts";
import { writeEnds } from "./ends.ts";
import { plot, tooltip, type Plot, type Values } from "./plot.ts";

const LOOKS: Readonly<
  Record<CoverageName, { hue: Hue; dash: number[]; point: "circle" | "rect" | "triangle" | "crossRot" }>
> = {
  own: { hue: "blue", dash: [8, 4], point: "rect" },
  inherited: { hue: "green", dash: [], point: "circle" },
  recent: { hue: "yellow", dash: [2, 3], point: "triangle" },
  random: { hue: "grey", dash: [1, 4], point: "crossRot" },
};

/** Shares of attention against the distance from the oracle; all such charts go from 0 to 100 %. */
export function coverage(model: CoverageChart): Plot {
  return plot<"line">({
    id: model.id,
    caption: model.caption,
    label: model.label,
    shape: "short",
    titles: model.titles,
    texts: model.texts,
    configure: (theme) => configure(model, theme),
  });
}

type Config = ChartConfiguration<"line", Values, string>;

function configure(model: CoverageChart, theme: Theme): Config {
  const font = { family: theme.font, size: theme.size };
  const colourOf = (choice: CoverageName): string => (theme.contrast ? theme.ink : theme.hues[LOOKS[choice].hue]);
  const names = model.series.map(({ name }) => `= ${name}`);
  return {
    type: "line",
    data: {
      labels: model.distances.map(String),
      datasets: model.series.map(({ choice, name, values }) => ({
        label: name,
        data: [...values],
        borderColor: colourOf(choice),
        backgroundColor: colourOf(choice),
        borderWidth: 2,
        borderDash: LOOKS[choice].dash,
        pointStyle: LOOKS[choice].point,
        pointRadius: 4,
        pointHoverRadius: 6,
        clip: false,
      })),
    },
    options: {
      interaction: { mode: "index", intersect: false },
      layout: { padding: { right: measure(names, font) + 10, top: 8 } },
      scales: {
        x: {
          offset: true,
          ticks: { color: theme.soft, font, maxRotation: 0, autoSkipPadding: 6 },
          grid: { display: false },
          border: { color: theme.soft },
          title: { display: true, text: "layers from the oracle", color: theme.soft, font },
        },
        y: {
          min: 0,
          max: 1,
          ticks: {
            color: theme.soft,
            font,
            stepSize: 0.25,
            callback: (value) => `${Math.round(Number(value) * 100)} %`,
          },
          grid: { color: theme.grid, lineWidth: theme.contrast ? 0.3 : 0.6, drawTicks: false },
          border: { display: false },
        },
      },
      plugins: { tooltip: tooltip<"line">(theme, model.titles, model.texts) },
    },
    plugins: [marks(model, theme, colourOf("inherited"), font)],
  };
}

/** The range over layers of the inherited share as a thin line, and names at the lines' ends. */
function marks(
  { series, range }: CoverageChart,
  theme: Theme,
  colour: string,
  font: { family: string; size: number },
): Plugin<"line"> {
  return {
    id: "marks",
    afterDatasetsDraw(chart: Chart<"line">) {
      const { ctx, chartArea, scales } = chart;
      const { y } = scales;
      if (!y) return;
      ctx.save();
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1.5;
      const inherited = series.findIndex(({ choice }) => choice === "inherited");
      chart.getDatasetMeta(Math.max(0, inherited)).data.forEach(({ x }, i) => {
        const [low, high] = [range?.min[i], range?.max[i]];
        if (low === undefined || high === undefined) return;
        ctx.beginPath();
        ctx.moveTo(x, y.getPixelForValue(low));
        ctx.lineTo(x, y.getPixelForValue(high));
        ctx.stroke();
      });
      const ends = new Map<number, string[]>();
      for (const { name, values } of series) {
        const at = Math.round(y.getPixelForValue(values.at(-1) ?? 0));
        ends.set(at, [...(ends.get(at) ?? []), name]);
      }
      writeEnds(ctx, chartArea.right, ends, font, theme.ink);
      ctx.restore();
    },
  };
}
