import assert from "node:assert/strict";
import { exec } from "node:child_process";
import { it } from "node:test";
import { packageFile } from "../../src/model/package-root.ts";

/** A script of package.json that looks at the source, as a test: beside another file it costs half of what it does alone. */
export function checkedBy(script: string): void {
  it(`npm run ${script}`, async () => {
    const printed = await new Promise<string | undefined>((resolve) => {
      exec(`npm run --silent ${script}`, { cwd: packageFile("."), maxBuffer: 2 ** 26 }, (error, out, err) =>
        resolve(error === null ? undefined : `${out}${err}` || error.message),
      );
    });
    if (printed !== undefined) assert.fail(printed);
  });
}
