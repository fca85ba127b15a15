import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { UserError } from "./errors.ts";
import { withFile } from "./files.ts";

/** A file that was looked at before, opened anew whenever something is read from it. */
export class KnownFile {
  readonly #path: string;
  readonly #stats: Stats;

  /** @param stats as the file was then */
  constructor(path: string, stats: Stats) {
    this.#path = path;
    this.#stats = stats;
  }

  /** @throws UserError where it is not the file that it was */
  async use(work: (file: FileHandle) => Promise<void>): Promise<void> {
    await withFile(this.#path, async (file) => {
      const { ino, size, mtimeMs } = await file.stat();
      const before = this.#stats;
      if (ino !== before.ino || size !== before.size || mtimeMs !== before.mtimeMs) {
        throw new UserError(`${this.#path} changed after the model was loaded. Try again.`);
      }
      await work(file);
    });
  }
}

/** Bytes a call reads at most: the system has limits of its own, some 2 GiB. */
const LARGEST_READ = 2 ** 26;

/** The file's bytes from `start` on, as many as there is room for. @param source how messages call the file */
export async function readInto(file: FileHandle, into: Uint8Array, start: number, source: string): Promise<void> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(into, done, Math.min(LARGEST_READ, into.length - done), start + done);
    if (bytesRead === 0) throw new UserError(`${source} shrank while being read. Try again.`);
    done += bytesRead;
  }
}
