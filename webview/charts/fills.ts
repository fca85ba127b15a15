import type { Fill } from "../model/bars.ts";
import type { Hue, Theme } from "../theme.ts";

/** Side of a pattern's tile, CSS pixels. */
const SIZE = 8;

type Draw = (context: CanvasRenderingContext2D) => void;

interface Look {
  readonly hue: Hue;
  readonly draw: Draw;
}

function strokes(...segments: readonly (readonly [number, number, number, number])[]): Draw {
  return (context) => {
    context.beginPath();
    for (const [x0, y0, x1, y1] of segments) {
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
    }
    context.stroke();
  };
}

const rising = strokes([0, 8, 8, 0], [-4, 4, 4, -4], [4, 12, 12, 4]);
const falling = strokes([0, 0, 8, 8], [-4, 4, 4, 12], [4, -4, 12, 4]);
const crosses = strokes([0, 0, 8, 8], [0, 8, 8, 0]);
const grid = strokes([0, 4, 8, 4], [4, 0, 4, 8]);
const level = strokes([0, 4, 8, 4]);
const upright = strokes([4, 0, 4, 8]);
const solid: Draw = () => undefined;
const dots: Draw = (context) => {
  for (const [x, y] of [
    [2, 2],
    [6, 6],
  ] as const) {
    context.fillRect(x - 1, y - 1, 2, 2);
  }
};

/** Every fill is a colour and a pattern, so that it is told apart without colour too. All tiles join without seams. */
const LOOKS: Readonly<Record<Fill, Look>> = {
  project: { hue: "grey", draw: rising },
  attend: { hue: "blue", draw: solid },
  score: { hue: "blue", draw: grid },
  select: { hue: "red", draw: crosses },
  sparse: { hue: "green", draw: dots },
  window: { hue: "yellow", draw: level },
  output: { hue: "purple", draw: upright },
  mlp: { hue: "cyan", draw: falling },
  rest: { hue: "pale", draw: solid },
  owner: { hue: "blue", draw: solid },
  borrower: { hue: "green", draw: dots },
  windowed: { hue: "yellow", draw: level },
};

/** The pattern for a canvas of this pixel ratio. */
export function fillOf(fill: Fill, theme: Theme, ratio: number): CanvasPattern | string {
  const { hue, draw } = LOOKS[fill];
  const colour = theme.hues[hue];
  const tile = document.createElement("canvas");
  tile.width = tile.height = Math.round(SIZE * ratio);
  const context = tile.getContext("2d");
  if (!context) return colour;
  context.scale(tile.width / SIZE, tile.height / SIZE);
  if (theme.contrast) {
    context.fillStyle = draw === solid && fill !== "rest" ? theme.ink : theme.paper;
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = context.fillStyle = theme.ink;
  } else {
    context.fillStyle = colour;
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = context.fillStyle = theme.paper;
    context.globalAlpha = 0.75;
  }
  draw(context);
  const pattern = context.createPattern(tile, "repeat");
  pattern?.setTransform(new DOMMatrix().scale(SIZE / tile.width, SIZE / tile.height));
  return pattern ?? colour;
}

/** A legend's sample of a fill. */
export function swatch(fill: Fill): { readonly element: HTMLCanvasElement; readonly paint: (theme: Theme) => void } {
  const made = document.createElement("canvas");
  made.className = "swatch";
  made.setAttribute("aria-hidden", "true");
  return {
    element: made,
    paint(theme) {
      const ratio = window.devicePixelRatio;
      made.width = made.height = Math.round(16 * ratio);
      const context = made.getContext("2d");
      if (!context) return;
      context.scale(ratio, ratio);
      context.fillStyle = fillOf(fill, theme, ratio);
      context.fillRect(0, 0, 16, 16);
      context.strokeStyle = theme.ink;
      context.strokeRect(0.5, 0.5, 15, 15);
    },
  };
}
