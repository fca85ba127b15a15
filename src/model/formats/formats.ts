import type { Formats } from "./format.ts";
import { gguf } from "./gguf.ts";
import { huggingface } from "./huggingface.ts";
import { hysparse } from "./hysparse.ts";

/** Every format that is read. */
export const FORMATS: Formats = [hysparse, huggingface, gguf];
