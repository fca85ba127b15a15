import type { z } from "zod";

/** What a schema found wrong, in one line: `architecture.window: Too small ...; name: ...`. The first five findings. */
export function explainIssues(error: z.ZodError): string {
  const said = error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.map(String).join(".");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  const more = error.issues.length - said.length;
  return said.join("; ") + (more > 0 ? `; and ${more} more` : "");
}
