import { z } from "zod";
import { reportSchema, SCHEMA_VERSION } from "../protocol/report.ts";

/** The report's contract as JSON Schema, for tools that are not ours. */
export function schemaText(): string {
  const schema = z.toJSONSchema(reportSchema);
  const titled = { ...schema, title: `HySparse profile report, format ${SCHEMA_VERSION}` };
  return `${JSON.stringify(titled, undefined, 2)}\n`;
}
