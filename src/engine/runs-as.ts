import { designById, DESIGNS, type DesignRow } from "../designs/designs.ts";
import { UserError, words } from "../model/errors.ts";
import type { Model } from "../model/model.ts";
import type { Variant } from "./engine.ts";

/** @throws UserError when the weights lack tensors that some of the variants need */
export function checkRunsAs({ name, design }: Pick<Model, "name" | "design">, variants: readonly Variant[]): void {
  const made = designById(design);
  const missing = (row: DesignRow): string[] => row.needs.filter((extra) => !made.needs.includes(extra));
  const others = variants.map(designById).filter((row) => missing(row).length > 0);
  if (others.length === 0) return;
  const lacking = [...new Set(others.flatMap(missing))].join(" and ");
  const needing = others.map(({ id }) => id).join(" and ");
  const ids = DESIGNS.filter((row) => missing(row).length === 0).map(({ id }) => id);
  const possible = { setting: "variants", value: ids.join(",") } as const;
  const called = made.checkpoint?.called ?? made.title;
  throw new UserError(
    words`${name} is ${called} and lacks the ${lacking} that ${needing} need: run it with ${possible}`,
  );
}
