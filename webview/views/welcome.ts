import "./welcome.css";
import type { PanelState } from "../../src/protocol/panel.ts";
import { element, paragraph } from "../dom.ts";
import { section } from "../section.ts";
import { button } from "../ui/button.ts";

interface WelcomeModel {
  readonly busy: boolean;
}

function welcomeModel({ report, job }: PanelState): WelcomeModel | undefined {
  return report ? undefined : { busy: job !== undefined };
}

export const welcomeSection = section("welcome", welcomeModel, ({ busy }, page) => ({
  content: [
    paragraph(
      busy ? "The first results appear here when the run is done." : "Nothing was profiled yet.",
      "headline lead",
    ),
    paragraph(
      "Open a text or source file and profile it: a model reads it on this machine, with three kinds of attention. You see " +
        "how long each layer takes, how much memory the context needs, and which passages the model looks at. Nothing " +
        "leaves this machine.",
    ),
    element(
      "div",
      { class: "buttons", attributes: { role: "group", "aria-label": "What to do first" } },
      button({
        id: "welcome-profile",
        label: "Profile the Open Document",
        primary: true,
        ...(busy ? { unavailable: "A run is going on." } : {}),
        press: () => page.command("profileDocument"),
      }),
      button({ id: "welcome-sample", label: "Show a Sample Profile", press: () => page.command("showSample") }),
    ),
  ],
}));
