import type { z } from "zod";

/** Characters of one finding: an unknown key may be megabytes long. */
const LONGEST = 80;

/** What a schema found wrong, in one line: `architecture.window: Too small ...; name: ...`. The first four findings. */
export function explainIssues(error: z.ZodError): string {
  const said = error.issues.slice(0, 4).map((issue) => {
    const path = issue.path.map(String).join(".");
    const finding = path === "" ? issue.message : `${path}: ${issue.message}`;
    return finding.length > LONGEST ? `${finding.slice(0, LONGEST)}...` : finding;
  });
  const more = error.issues.length - said.length;
  return said.join("; ") + (more > 0 ? `; and ${more} more` : "");
}
