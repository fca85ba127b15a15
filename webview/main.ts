import "./jitless.ts";
import "./panel.css";
import { hostChannel } from "./channel.ts";
import { embeddedChannel } from "./embedded.ts";
import { Panel } from "./panel.ts";
import { aboutSection } from "./views/about.ts";
import { checksSection } from "./views/checks.ts";
import { oracleMapSection } from "./views/oracle-map.ts";
import { comparisonSection } from "./views/comparison.ts";
import { curvesSection } from "./views/curves.ts";
import { headlineSection } from "./views/headline.ts";
import { kvSection } from "./views/kv.ts";
import { latencySection } from "./views/latency.ts";
import { mapSection } from "./views/map.ts";
import { textSection } from "./views/text.ts";
import { welcomeSection } from "./views/welcome.ts";
// Last, for what it takes back of the others on paper.
import "./exported.css";

const root = document.getElementById("panel");
if (!root) throw new Error("the page has no element for the panel");
const sections = [
  welcomeSection,
  headlineSection,
  latencySection,
  kvSection,
  mapSection,
  textSection,
  checksSection,
  oracleMapSection,
  curvesSection,
  comparisonSection,
  aboutSection,
];
new Panel(root, sections, hostChannel() ?? embeddedChannel());
