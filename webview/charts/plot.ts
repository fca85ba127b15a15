import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  Tooltip,
  type ChartConfiguration,
  type TooltipCallbacks,
  type TooltipOptions,
} from "chart.js";
import { element } from "../dom.ts";
import { readTheme, type Theme } from "../theme.ts";

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  LinearScale,
  LogarithmicScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
);
// Nothing moves: a figure is read, and a reader may have asked for no motion.
Chart.defaults.animation = false;
Chart.defaults.responsive = true;
Chart.defaults.maintainAspectRatio = false;

export type Kind = "bar" | "line";

/** Bars are numbers by category, lines are points; null is no bar, NaN a gap in a line. */
export type Values = (number | null | { x: number; y: number })[];

export interface PlotOptions<Of extends Kind> {
  readonly id: string;
  readonly caption?: string;
  /** What the chart says, for those who do not see it. */
  readonly label: string;
  /** Class that gives the height. */
  readonly shape: string;
  readonly titles: readonly string[];
  /** Lines for each place on the axis. */
  readonly texts: readonly (readonly string[])[];
  readonly configure: (theme: Theme) => ChartConfiguration<Of, Values, string>;
}

/** A chart on the page. It is drawn when it first comes near the screen, or goes to paper. */
export interface Plot {
  readonly root: HTMLElement;
  readonly recolour: () => void;
  readonly dispose: () => void;
}

/** How far from the screen a chart is drawn ahead, in pixels. */
const AHEAD = "600px";

export function plot<Of extends Kind>(options: PlotOptions<Of>): Plot {
  const { id, caption, label, shape, titles, texts } = options;
  const canvas = element("canvas", {
    id,
    attributes: { tabindex: "0", role: "application", "aria-roledescription": "chart", "aria-label": label },
  });
  const said = element("div", { class: "unseen", attributes: { "aria-live": "polite" } });
  const root = element(
    "figure",
    {},
    caption === undefined ? undefined : element("figcaption", {}, caption),
    element("div", { class: `chart ${shape}` }, canvas),
    said,
  );
  let chart: Chart<Of, Values, string> | undefined;
  let at = -1;

  const draw = (): void => {
    chart?.destroy();
    chart = new Chart(canvas, options.configure(readTheme()));
    if (at >= 0) show();
  };
  const show = (): void => {
    if (!chart) return;
    const active = at < 0 ? [] : chart.data.datasets.map((_, datasetIndex) => ({ datasetIndex, index: at }));
    const place = at < 0 ? undefined : chart.getDatasetMeta(0).data[at];
    chart.setActiveElements(active);
    chart.tooltip?.setActiveElements(active, { x: place?.x ?? 0, y: place?.y ?? 0 });
    chart.update("none");
    said.textContent = at < 0 ? "" : [titles[at] ?? "", ...(texts[at] ?? [])].join(", ");
  };
  canvas.addEventListener("keydown", (event) => {
    const next = steps(event.key, at, titles.length);
    if (next === undefined) return;
    event.preventDefault();
    at = next;
    show();
  });
  canvas.addEventListener("blur", () => {
    at = -1;
    show();
  });
  const begin = (): void => {
    if (!chart) draw();
    stopWaiting();
  };
  const near = new IntersectionObserver(
    (entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) begin();
    },
    { rootMargin: AHEAD },
  );
  const stopWaiting = (): void => {
    near.disconnect();
    window.removeEventListener("beforeprint", begin);
  };
  near.observe(canvas);
  window.addEventListener("beforeprint", begin);
  return {
    root,
    recolour: () => {
      if (chart) draw();
    },
    dispose: () => {
      stopWaiting();
      chart?.destroy();
    },
  };
}

/** The place that a key leads to, -1 for none; undefined for keys that are not ours. */
function steps(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case "ArrowRight":
    case "ArrowDown":
      return Math.min(count - 1, at + 1);
    case "ArrowLeft":
    case "ArrowUp":
      return Math.max(0, at - 1);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    case "Escape":
      return -1;
    default:
      return undefined;
  }
}

/** The tooltip of every chart: one for the place on the axis, with ready-made lines. */
export function tooltip<Of extends Kind>(
  theme: Theme,
  titles: readonly string[],
  texts: readonly (readonly string[])[],
): Partial<Omit<TooltipOptions<Of>, "callbacks">> & { callbacks: Partial<TooltipCallbacks<Of>> } {
  return {
    displayColors: false,
    backgroundColor: theme.hover.paper,
    titleColor: theme.hover.ink,
    bodyColor: theme.hover.ink,
    borderColor: theme.hover.border,
    borderWidth: 1,
    cornerRadius: 3,
    caretSize: 0,
    titleFont: { family: theme.font, size: theme.size, weight: "bold" },
    bodyFont: { family: theme.font, size: theme.size },
    filter: (item, index) => index === 0 && item.dataIndex < titles.length,
    callbacks: {
      title: ([item]) => (item ? titles[item.dataIndex] : undefined),
      label: (item) => [...(texts[item.dataIndex] ?? [])],
    },
  };
}
