import type { Chart, ChartConfiguration, Plugin } from "chart.js";
import type { BarsModel } from "../model/bars.ts";
import type { Theme } from "../theme.ts";
import { fillOf } from "./fills.ts";
import { plot, tooltip, type Plot, type Values } from "./plot.ts";
import { largest } from "../../src/profile/extremes.ts";

/** Stacked bars with floor and range drawn in. */
export function bars(model: BarsModel, shape: string): Plot {
  return plot<"bar">({
    id: model.id,
    ...(model.caption === undefined ? {} : { caption: model.caption }),
    label: model.label,
    shape,
    titles: model.titles,
    texts: model.texts,
    configure: (theme) => configure(model, theme),
  });
}

type Config = ChartConfiguration<"bar", Values, string>;

function configure(model: BarsModel, theme: Theme): Config {
  const across = model.direction === "across";
  const value = across ? "x" : "y";
  const font = { family: theme.font, size: theme.size };
  const room = model.ends ? measure(model.ends, font) + 10 : 0;
  const values = {
    stacked: true,
    beginAtZero: true,
    suggestedMax: model.top,
    ticks: { color: theme.soft, font, maxTicksLimit: across ? 6 : 5, maxRotation: 0 },
    grid: { color: theme.grid, lineWidth: theme.contrast ? 0.3 : 0.6, drawTicks: false },
    border: { display: false },
    title: { display: true, text: model.axis, color: theme.soft, font, ...(across ? { align: "end" as const } : {}) },
  };
  const categories = {
    stacked: true,
    ticks: across
      ? { color: theme.ink, font, autoSkip: false }
      : { color: theme.soft, font, maxRotation: 0, autoSkipPadding: 4 },
    grid: { display: false },
    border: { color: theme.soft },
  };
  return {
    type: "bar",
    data: {
      labels: [...model.categories],
      datasets: model.series.map(({ fill, name, values: of }) => ({
        label: name,
        data: [...of],
        backgroundColor: fillOf(fill, theme, window.devicePixelRatio),
        borderColor: theme.contrast ? theme.ink : theme.paper,
        borderWidth: theme.contrast ? 1 : 0.5,
        ...(model.smallest === undefined ? {} : { minBarLength: model.smallest }),
        categoryPercentage: across ? 0.72 : 0.86,
        barPercentage: 1,
      })),
    },
    options: {
      indexAxis: across ? "y" : "x",
      interaction: { mode: "index", intersect: false, axis: across ? "y" : "x" },
      layout: { padding: { right: room, top: 4 } },
      scales: across ? { x: values, y: categories } : { x: categories, y: values },
      plugins: { tooltip: tooltip<"bar">(theme, model.titles, model.texts) },
    },
    plugins: [marks(model, theme, value, font)],
  };
}

/** Pixels that the longest of some texts takes. */
export function measure(texts: readonly string[], { family, size }: { family: string; size: number }): number {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return 0;
  context.font = `${size}px ${family}`;
  return largest(texts.map((text) => context.measureText(text).width));
}

/** Drawn over the stacks: the range as a thin line, the floor as a thick dash, the text at the bar's end. */
function marks(
  model: BarsModel,
  theme: Theme,
  value: "x" | "y",
  font: { family: string; size: number },
): Plugin<"bar"> {
  return {
    id: "marks",
    afterDatasetsDraw(chart: Chart<"bar">) {
      const scale = chart.scales[value];
      if (!scale || model.series.length === 0) return;
      const { ctx } = chart;
      const pixel = (of: number | undefined): number => scale.getPixelForValue(of ?? 0);
      ctx.save();
      chart.getDatasetMeta(0).data.forEach((bar, i) => {
        const { width, height } = bar.getProps(["width", "height"], true);
        const middle = value === "x" ? bar.y : bar.x;
        const half = Math.max(3, (value === "x" ? height : width) / 2 + 2);
        const line = (a: [number, number], b: [number, number], thick: number, colour: string): void => {
          ctx.strokeStyle = colour;
          ctx.lineWidth = thick;
          ctx.beginPath();
          ctx.moveTo(...(value === "x" ? a : ([a[1], a[0]] as [number, number])));
          ctx.lineTo(...(value === "x" ? b : ([b[1], b[0]] as [number, number])));
          ctx.stroke();
        };
        if (model.range) {
          const [from, to] = [pixel(model.range.min[i]), pixel(model.range.max[i])];
          line([from, middle], [to, middle], 4, theme.paper);
          line([from, middle], [to, middle], 1.5, theme.ink);
          if (value === "x") {
            for (const end of [from, to]) line([end, middle - 4], [end, middle + 4], 1.5, theme.ink);
          }
        }
        if (model.median) {
          const at = pixel(model.median[i]);
          ctx.beginPath();
          ctx.arc(value === "x" ? at : middle, value === "x" ? middle : at, half > 8 ? 3.5 : 2, 0, 2 * Math.PI);
          ctx.fillStyle = theme.ink;
          ctx.fill();
        }
        if (model.floor) {
          const at = pixel(model.floor[i]);
          line([at, middle - half], [at, middle + half], 5, theme.paper);
          line([at, middle - half], [at, middle + half], 2.5, theme.ink);
        }
        const text = model.ends?.[i];
        if (text !== undefined) {
          const sum = model.series.reduce((total, { values }) => total + (values[i] ?? 0), 0);
          ctx.fillStyle = theme.ink;
          ctx.font = `${font.size}px ${font.family}`;
          ctx.textBaseline = "middle";
          ctx.fillText(text, pixel(Math.max(sum, model.range?.max[i] ?? 0)) + 8, middle);
        }
      });
      ctx.restore();
    },
  };
}
