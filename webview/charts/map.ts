import type { Cursor } from "../../src/protocol/panel.ts";
import { count } from "../../src/text/format.ts";
import { element } from "../dom.ts";
import { cellAt, hit, layoutOf, moved, type MapLayout } from "../model/map-layout.ts";
import { cellText, chosenIn, type MapModel } from "../model/map.ts";
import { readTheme } from "../theme.ts";

interface Cell {
  readonly row: number;
  readonly block: number;
}

/** The selection map: a canvas for the eye, a spoken line for the ear, arrow keys and Enter for both. */
export class SelectionMap {
  readonly root: HTMLElement;
  readonly #model: MapModel;
  readonly #canvas: HTMLCanvasElement;
  readonly #reading = element("div", { class: "reading", attributes: { "aria-live": "polite" } });
  readonly #watch: ResizeObserver;
  readonly #rows: number;
  #layout: MapLayout;
  #at: Cell | undefined;
  #cursor: Cursor | undefined;

  constructor(model: MapModel, open: (block: number, focus: boolean) => void) {
    this.#model = model;
    this.#rows = model.rows.length + (model.importance ? 1 : 0);
    this.#layout = layoutOf(400, model.blocks.length, this.#rows);
    this.#canvas = element("canvas", {
      id: "selection-map",
      attributes: {
        tabindex: "0",
        role: "application",
        "aria-roledescription": "heat map",
        "aria-label": `${model.message} Arrow keys go from block to block.`,
      },
    });
    this.root = element("div", { class: "map" }, this.#canvas, this.#reading);
    this.#listen(open);
    this.#tell();
    this.#watch = new ResizeObserver(() => this.draw());
    this.#watch.observe(this.root);
  }

  follow(cursor: Cursor | undefined): void {
    this.#cursor = cursor;
    this.draw();
    this.#tell();
  }

  dispose(): void {
    this.#watch.disconnect();
  }

  #listen(open: (block: number, focus: boolean) => void): void {
    const canvas = this.#canvas;
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.#at) open(this.#at.block, true);
      else if (event.key === "Escape") this.#go(undefined);
      else {
        const from = this.#at;
        const next = from
          ? moved(event.key, from, this.#model.blocks.length, this.#rows, this.#layout.columns)
          : undefined;
        if (next) this.#go(next);
        else if (!from && event.key.startsWith("Arrow")) this.#go({ row: 0, block: 0 });
        else return;
      }
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => this.#go(this.#hit(event)));
    canvas.addEventListener("pointerleave", () => this.#go(undefined));
    canvas.addEventListener("blur", () => this.#go(undefined));
    canvas.addEventListener("click", (event) => {
      const cell = this.#hit(event);
      if (cell) open(cell.block, event.detail > 1);
    });
  }

  #hit(event: MouseEvent): Cell | undefined {
    return hit(this.#layout, this.#model.blocks.length, this.#rows, event.offsetX, event.offsetY);
  }

  #go(cell: Cell | undefined): void {
    if (cell?.row === this.#at?.row && cell?.block === this.#at?.block) return;
    this.#at = cell;
    this.draw();
    this.#tell();
  }

  #tell(): void {
    const at = this.#at;
    const lines = at ? cellText(this.#model, at.row, at.block, this.#cursor) : [this.#model.hint];
    this.#reading.replaceChildren(...lines.map((line) => element("div", {}, line)));
  }

  draw(): void {
    const width = this.root.clientWidth;
    const context = this.#canvas.getContext("2d");
    if (width === 0 || !context) return;
    const { rows, importance, blocks, top } = this.#model;
    const layout = (this.#layout = layoutOf(width, blocks.length, this.#rows));
    const ratio = window.devicePixelRatio;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(layout.height * ratio);
    this.#canvas.style.height = `${layout.height}px`;
    context.scale(ratio, ratio);
    const theme = readTheme();
    const gap = layout.cell > 9 ? 1 : 0.5;
    const size = layout.cell - gap;
    const chosen = rows.map((_, row) => chosenIn(this.#model, row, this.#cursor));
    const bar = (row: number, block: number, share: number, colour: string): void => {
      const { x, y } = cellAt(layout, row, block);
      context.globalAlpha = theme.contrast ? 0.15 : 0.16;
      context.fillStyle = theme.soft;
      context.fillRect(x, y, size, layout.rowHeight);
      // Height and depth of colour say the same, so that either is enough.
      const part = Math.min(1, share);
      context.globalAlpha = theme.contrast ? 0.6 : 0.35 + 0.65 * part;
      context.fillStyle = colour;
      context.fillRect(x, y + layout.rowHeight * (1 - part), size, layout.rowHeight * part);
      context.globalAlpha = 1;
    };
    for (let block = 0; block < blocks.length; block++) {
      rows.forEach(({ share, kvHeads }, row) => {
        bar(row, block, (share?.[block] ?? 0) / top, theme.contrast ? theme.ink : theme.hues.blue);
        const heads = chosen[row]![block]!;
        if (heads > 0) this.#mark(context, row, block, heads / kvHeads, theme.ink, theme.paper);
      });
      if (importance) {
        bar(rows.length, block, importance.weights[block] ?? 0, theme.contrast ? theme.ink : theme.hues.yellow);
      }
    }
    this.#axis(context, width, theme.soft, `${theme.size - 1}px ${theme.font}`);
    if (this.#at) {
      const { x, y } = cellAt(layout, this.#at.row, this.#at.block);
      context.strokeStyle = theme.paper;
      context.lineWidth = 4;
      context.strokeRect(x - 1, y - 1, size + 2, layout.rowHeight + 2);
      context.strokeStyle = theme.focus;
      context.lineWidth = 2;
      context.strokeRect(x - 1, y - 1, size + 2, layout.rowHeight + 2);
    }
  }

  /** A diamond: filled where all KV heads chose the block, hollow where some did. */
  #mark(
    context: CanvasRenderingContext2D,
    row: number,
    block: number,
    share: number,
    ink: string,
    paper: string,
  ): void {
    const { cell, rowHeight } = this.#layout;
    const { x, y } = cellAt(this.#layout, row, block);
    const radius = Math.min(5, cell / 2 - 0.25);
    const [middle, height] = [x + (cell - 0.5) / 2, y + rowHeight / 2];
    context.beginPath();
    context.moveTo(middle, height - radius);
    context.lineTo(middle + radius, height);
    context.lineTo(middle, height + radius);
    context.lineTo(middle - radius, height);
    context.closePath();
    context.strokeStyle = paper;
    context.lineWidth = 3.5;
    context.stroke();
    context.fillStyle = share >= 1 ? ink : paper;
    context.fill();
    context.strokeStyle = ink;
    context.lineWidth = 1.25;
    context.stroke();
  }

  #axis(context: CanvasRenderingContext2D, width: number, colour: string, font: string): void {
    const { columns, bands, cell, bandHeight, rowHeight } = this.#layout;
    const { blocks, rows, importance } = this.#model;
    const names = [...rows.map(({ short }) => short), ...(importance ? ["Importance"] : [])];
    const every = [5, 10, 20, 50, 100].find((step) => step * cell > 44) ?? 200;
    context.fillStyle = colour;
    context.font = font;
    for (let band = 0; band < bands; band++) {
      context.textBaseline = "middle";
      names.forEach((name, row) => {
        context.fillText(name, 0, cellAt(this.#layout, row, band * columns).y + rowHeight / 2);
      });
      context.textBaseline = "top";
      const y = (band + 1) * bandHeight - 20;
      for (let block = band * columns; block < Math.min((band + 1) * columns, blocks.length); block++) {
        if (block % every !== 0) continue;
        const x = cellAt(this.#layout, 0, block).x;
        context.fillRect(x, y, 1, 3);
        const text = count(block);
        if (x + context.measureText(text).width + 2 <= width) context.fillText(text, x + 2, y + 3);
      }
    }
  }
}
