import type { Origin } from "./document-link.ts";

/** What the workspace's state says of the kept profile; its files are named by `id`. */
export interface StoredIndex {
  readonly id: string;
  readonly origin: Origin;
  /** There is a file with every query's selection. */
  readonly table: boolean;
}

/** The index as it was stored, or undefined where something else is there. */
export function readIndex(value: unknown): StoredIndex | undefined {
  if (!isObject(value) || !isObject(value["origin"])) return undefined;
  const { id, table } = value;
  const { uri, base, whole, length, sha256 } = value["origin"];
  if (typeof id !== "string" || !/^[0-9a-f]{16}$/u.test(id) || typeof table !== "boolean") return undefined;
  if (typeof uri !== "string" || typeof whole !== "boolean" || typeof sha256 !== "string") return undefined;
  if (!isCount(base) || !isCount(length)) return undefined;
  return { id, table, origin: { uri, base, whole, length, sha256 } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
