import { open, stat } from "node:fs/promises";
import type { CheckpointFormat } from "./format.ts";

const MAGIC = "GGUF";

/** One file of llama.cpp's format, which holds shape, weights and tokenizer. */
export const gguf: CheckpointFormat = {
  id: "gguf",
  title: "a GGUF file",
  files: (path) => [path],
  matches: async (path) => {
    try {
      // A pipe would wait for somebody to write to it.
      if (!(await stat(path)).isFile()) return false;
      if (path.endsWith(".gguf")) return true;
      const file = await open(path);
      try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
        return bytesRead === MAGIC.length && buffer.toString("latin1") === MAGIC;
      } finally {
        await file.close();
      }
    } catch {
      return false;
    }
  },
  open: async (path) => (await import("./gguf-model.ts")).openGguf(path),
};
