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
    paragraph(busy ? "Results appear here as they are measured." : "No profile yet.", "headline lead"),
    paragraph(
      "Open a text or source file and profile it. A model reads it on this machine with three attention designs. You see " +
        "the time per layer, the memory the context needs, and the passages the model looks at. Nothing " +
        "leaves this machine.",
    ),
    element(
      "div",
      { class: "buttons", attributes: { role: "group", "aria-label": "Getting started" } },
      button({
        id: "welcome-profile",
        label: "Profile Open Document",
        primary: true,
        ...(busy ? { unavailable: "A run is going on." } : {}),
        press: () => page.command("profileDocument"),
      }),
      button({ id: "welcome-sample", label: "Show Sample Profile", press: () => page.command("showSample") }),
    ),
  ],
}));
