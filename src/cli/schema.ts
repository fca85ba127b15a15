import { writeFileSync } from "node:fs";
import { schemaText } from "../report/schema.ts";

// The file that editors and other tools validate reports with; a test holds it to the code.
writeFileSync(new URL("../../media/report.schema.json", import.meta.url), schemaText());
