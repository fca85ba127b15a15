import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** "org/name", as the hub calls models; neither part can climb out of a folder. */
const HUB_NAME = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;
const REVISION = /^[\w-]{1,64}$/;
const LONGEST_REF = 256;

/** Where Hugging Face's own tools keep what they download, by the variables that they read. */
export function hubCache(environment: NodeJS.ProcessEnv = process.env): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = environment;
  const own = HF_HUB_CACHE ?? HUGGINGFACE_HUB_CACHE;
  if (own !== undefined && own !== "") return own;
  const home = HF_HOME ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "huggingface");
  return join(home, "hub");
}

export function isHubName(id: string): boolean {
  return HUB_NAME.test(id) && id.length <= 200;
}

/**
 * The folder of a model that was downloaded earlier, at the revision that `main` stood for then. Only looks at the disk.
 * @returns undefined where the cache does not hold it
 */
export function cachedModel(id: string, environment?: NodeJS.ProcessEnv): string | undefined {
  if (!isHubName(id)) return undefined;
  const repository = join(hubCache(environment), `models--${id.replace("/", "--")}`);
  const ref = join(repository, "refs", "main");
  try {
    const stats = statSync(ref);
    if (!stats.isFile() || stats.size > LONGEST_REF) return undefined;
    const revision = readFileSync(ref, "utf8").trim();
    if (!REVISION.test(revision)) return undefined;
    const folder = join(repository, "snapshots", revision);
    return existsSync(join(folder, "config.json")) ? folder : undefined;
  } catch {
    return undefined;
  }
}
