import type { Fill, Pattern } from "../../src/designs/look.ts";
import type { Theme } from "../theme.ts";

/** Side of a pattern's tile, CSS pixels. */
const SIZE = 8;

type Draw = (context: CanvasRenderingContext2D) => void;

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

/** How each pattern is drawn, in ink on what is filled already. All tiles join without seams. */
const DRAWN: Readonly<Record<Pattern, Draw>> = {
  solid: () => undefined,
  rising: strokes([0, 8, 8, 0], [-4, 4, 4, -4], [4, 12, 12, 4]),
  falling: strokes([0, 0, 8, 8], [-4, 4, 4, 12], [4, -4, 12, 4]),
  crosses: strokes([0, 0, 8, 8], [0, 8, 8, 0]),
  grid: strokes([0, 4, 8, 4], [4, 0, 4, 8]),
  level: strokes([0, 4, 8, 4]),
  upright: strokes([4, 0, 4, 8]),
  dots: (context) => {
    for (const [x, y] of [
      [2, 2],
      [6, 6],
    ] as const) {
      context.fillRect(x - 1, y - 1, 2, 2);
    }
  },
};

/** What to fill with on a canvas of this pixel ratio: a colour and a pattern, told apart without colour too. */
export function fillOf(fill: Fill, theme: Theme, ratio: number): CanvasPattern | string {
  const { hue, pattern } = fill;
  const colour = theme.hues[hue];
  const tile = document.createElement("canvas");
  tile.width = tile.height = Math.round(SIZE * ratio);
  const context = tile.getContext("2d");
  if (!context) return colour;
  context.scale(tile.width / SIZE, tile.height / SIZE);
  if (theme.contrast) {
    context.fillStyle = pattern === "solid" && hue !== "pale" ? theme.ink : theme.paper;
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = context.fillStyle = theme.ink;
  } else {
    context.fillStyle = colour;
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = context.fillStyle = theme.paper;
    context.globalAlpha = 0.75;
  }
  DRAWN[pattern](context);
  const made = context.createPattern(tile, "repeat");
  made?.setTransform(new DOMMatrix().scale(SIZE / tile.width, SIZE / tile.height));
  return made ?? colour;
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
