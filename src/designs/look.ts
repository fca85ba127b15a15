/** Colours by the part they play; pages map each to one of their theme's. */
export type Hue = "blue" | "green" | "cyan" | "purple" | "red" | "yellow" | "grey" | "pale";

/** Patterns of fills, so that nothing is told apart by colour alone. */
export type Pattern = "solid" | "rising" | "falling" | "crosses" | "grid" | "level" | "upright" | "dots";

/** How an area is filled. */
export interface Fill {
  readonly hue: Hue;
  readonly pattern: Pattern;
}

/** How a design looks wherever it is drawn: as an area, or as a line with points. */
export interface Look extends Fill {
  /** Lengths of strokes and gaps in pixels, in turn; empty for a whole line. */
  readonly dash: readonly number[];
  readonly point: "circle" | "rect" | "rectRot" | "triangle" | "star" | "crossRot";
}
