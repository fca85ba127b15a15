import { bytes } from "../text/format.ts";
import { UserError } from "./errors.ts";
import type { Model } from "./model.ts";

/**
 * Refuses weights that cannot be held, before any is read.
 * @param as the type that the engine keeps them in
 * @param where what is free, after its bytes: "of memory are free"
 * @throws UserError with the bytes needed and the bytes there are
 */
export function checkWeightsFit(
  { name }: Pick<Model, "name">,
  needed: number,
  as: string,
  available: number,
  where: string,
): void {
  if (needed <= available) return;
  throw new UserError(
    `the weights of ${name} need ${bytes(needed)} as ${as}, and ${bytes(available)} ${where}: choose a smaller model, or ` +
      "free memory",
  );
}

/**
 * Why there may be less than the machine has free. @param memoryBytes what a container lets this process use; absent: no
 * container limits it, and there is nothing to say
 */
export function containerText(memoryBytes: number | undefined): string {
  return memoryBytes === undefined ? "" : ` of this container's ${bytes(memoryBytes)}`;
}
