import type { Design } from "./design.ts";
import { full } from "./full/design.ts";
import { hybridSwa } from "./hybrid-swa/design.ts";
import { hysparse } from "./hysparse/design.ts";
import { indexReuse } from "./index-reuse/design.ts";
import { moba } from "./moba/design.ts";
import { nsa } from "./nsa/design.ts";
import { streaming } from "./streaming/design.ts";

/** Every design, in the order in which they are shown. Code asks designs.ts, never this list. */
export const ROWS = [hysparse, full, hybridSwa, streaming, moba, nsa, indexReuse] as const satisfies readonly Design[];
