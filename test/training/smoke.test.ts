import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const run = promisify(execFile);
const PACKAGES = ["torch", "tokenizers", "safetensors", "numpy", "gguf"];
const MINUTE = 60_000;

const ENVIRONMENT = join(tmpdir(), "hysparse-python");

/** HYSPARSE_PYTHON, else the virtual environment that .ci/run makes, else the system's Python. */
function interpreter(): string {
  const made = join(ENVIRONMENT, "bin", "python");
  return process.env["HYSPARSE_PYTHON"] ?? (existsSync(made) ? made : "python3");
}

/** Why the training code cannot run here, or false. */
async function reasonToSkip(python: string): Promise<string | false> {
  try {
    await run(python, ["-c", `import ${PACKAGES.join(", ")}`], { timeout: 2 * MINUTE });
    return false;
  } catch {
    const pip = join(ENVIRONMENT, "bin", "pip");
    const install = `python3 -m venv ${ENVIRONMENT} && ${pip} install ${PACKAGES.join(" ")}`;
    return `${python} cannot import ${PACKAGES.join(", ")}; install them with: ${install}`;
  }
}

const python = interpreter();
const skip = await reasonToSkip(python);

describe("training code", () => {
  const options = { skip, timeout: 10 * MINUTE };
  it("learns in every design, makes its data and measures, on a CPU", options, async () => {
    // Rejects unless the exit code is 0; smoke.py asserts the rest by itself.
    const { stdout } = await run(python, ["training/train.py", "--smoke"], { cwd: root, timeout: 9 * MINUTE });
    assert.equal(stdout.trimEnd().split("\n").at(-1), "smoke run passed", stdout);
  });

  it("converts a dense checkpoint in every design and exports it, on a CPU", options, async () => {
    const { stdout } = await run(python, ["training/convert.py", "--smoke"], { cwd: root, timeout: 9 * MINUTE });
    assert.equal(stdout.trimEnd().split("\n").at(-1), "smoke run passed", stdout);
  });
});
