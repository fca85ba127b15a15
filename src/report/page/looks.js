"use strict";

/** How the charts' fills and lines look, so that nothing is told by colour alone; charts.js draws with it. */
// eslint-disable-next-line no-unused-vars -- charts.js comes right behind it in the same script
const looks = (() => {
  const SIZE = 8;
  /** How a stage's pattern is drawn in a square of SIZE; all tile without seams. */
  const PATTERNS = {
    project: (c) =>
      strokes(c, [
        [0, 8, 8, 0],
        [-4, 4, 4, -4],
        [4, 12, 12, 4],
      ]),
    attend: () => undefined,
    score: (c) =>
      strokes(c, [
        [0, 4, 8, 4],
        [4, 0, 4, 8],
      ]),
    select: (c) =>
      strokes(c, [
        [0, 0, 8, 8],
        [0, 8, 8, 0],
      ]),
    sparse: (c) =>
      dots(c, [
        [2, 2],
        [6, 6],
      ]),
    window: (c) => strokes(c, [[0, 4, 8, 4]]),
    output: (c) => strokes(c, [[4, 0, 4, 8]]),
    mlp: (c) =>
      strokes(c, [
        [0, 0, 8, 8],
        [-4, 4, 4, 12],
        [4, -4, 12, 4],
      ]),
  };
  /** The same language for what is drawn as lines, or compared in the memory charts: variants and choices of blocks. */
  const LOOKS = {
    hysparse: { swatch: "--sparse", pattern: PATTERNS.sparse, dash: [], point: "circle" },
    full: { swatch: "--attend", pattern: PATTERNS.attend, dash: [8, 4], point: "rect" },
    "hybrid-swa": { swatch: "--window", pattern: PATTERNS.window, dash: [2, 3], point: "triangle" },
    own: { swatch: "--attend", dash: [8, 4], point: "rect" },
    inherited: { swatch: "--sparse", dash: [], point: "circle" },
    recent: { swatch: "--window", dash: [2, 3], point: "triangle" },
    random: { swatch: "--project", dash: [1, 4], point: "crossRot" },
  };

  function strokes(context, lines) {
    context.beginPath();
    for (const [x0, y0, x1, y1] of lines) {
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
    }
    context.stroke();
  }

  function dots(context, points) {
    for (const [x, y] of points) context.fillRect(x - 1, y - 1, 2, 2);
  }

  return { SIZE, PATTERNS, LOOKS };
})();
