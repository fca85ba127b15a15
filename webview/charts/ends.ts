/** Writes names at the right ends of lines, by the pixel at which each ends; none is written over another. */
export function writeEnds(
  ctx: CanvasRenderingContext2D,
  right: number,
  ends: ReadonlyMap<number, readonly string[]>,
  font: { readonly family: string; readonly size: number },
  ink: string,
): void {
  ctx.font = `${font.size}px ${font.family}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.fillStyle = ink;
  let below = -Infinity;
  for (const [at, names] of [...ends].sort((a, b) => a[0] - b[0])) {
    // Lines that end at the same place share one place for their names.
    names.forEach((name, i) => {
      below = Math.max(at, below + font.size + 2);
      ctx.fillText(i === 0 ? name : `= ${name}`, right + 6, below);
    });
  }
}
