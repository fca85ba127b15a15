import "./headline.css";
import { element, paragraph } from "../dom.ts";
import { headlineModel, type Actions, type HeadlineModel } from "../model/headline.ts";
import { section, type Page } from "../section.ts";
import { button } from "../ui/button.ts";
import { scrollBox } from "./table.ts";

const BUSY = "A profile is running.";

export const headlineSection = section("headline", headlineModel, (model, page) => ({
  content: [
    paragraph(model.document, "document"),
    element(
      "div",
      { class: "top" },
      element(
        "div",
        {},
        paragraph(model.lead, "headline lead"),
        ...model.more.map((text) => paragraph(text, "more")),
        ...(model.warnings.length === 0
          ? []
          : [
              element(
                "ul",
                { class: "warnings", attributes: { "aria-label": "Warnings" } },
                ...model.warnings.map((text) => element("li", {}, text)),
              ),
            ]),
      ),
      model.rows.length === 0 ? undefined : figures(model),
    ),
    paragraph(model.device, "aside"),
    ...(model.note === undefined ? [] : [paragraph(model.note, "aside")]),
    ...(model.actions ? [buttons(model.actions, page)] : []),
    ...(model.actions?.trusted === false
      ? [
          paragraph(
            "Restricted mode: checkpoint folders and executables in the workspace settings are ignored. Trust the workspace to use them.",
            "aside",
          ),
        ]
      : []),
  ],
}));

function figures({ columns, rows }: HeadlineModel): HTMLElement {
  const head = element(
    "tr",
    {},
    element("td"),
    ...columns.map((title) => element("th", { class: "number", attributes: { scope: "col" } }, title)),
  );
  const body = rows.map(({ name, meaning, figures: of }) =>
    element(
      "tr",
      {},
      element("th", { attributes: { scope: "row", title: meaning } }, name),
      ...of.map(({ text, range }) =>
        element(
          "td",
          { class: "number" },
          text,
          range === undefined ? undefined : element("span", { class: "range" }, range),
        ),
      ),
    ),
  );
  return scrollBox(
    "Figures of each variant",
    element("table", { class: "figures" }, element("thead", {}, head), element("tbody", {}, ...body)),
  );
}

function buttons({ comparing, highlights, follow, canFollow, canHighlight, busy }: Actions, page: Page): HTMLElement {
  const whileIdle = busy ? { unavailable: BUSY } : {};
  return element(
    "div",
    { class: "buttons", attributes: { role: "group", "aria-label": "Actions" } },
    button({
      id: "do-profile",
      label: "Profile Again",
      primary: true,
      ...whileIdle,
      press: () => page.command("profileDocument"),
    }),
    button({ id: "do-sweep", label: "Context-Length Sweep", ...whileIdle, press: () => page.command("sweep") }),
    comparing
      ? button({ id: "do-compare", label: "End Comparison", press: () => page.command("endCompare") })
      : button({ id: "do-compare", label: "Compare…", press: () => page.command("compare") }),
    button({ id: "do-export", label: "Export…", press: () => page.command("exportReport") }),
    button({
      id: "do-highlights",
      label: "Highlights",
      pressed: highlights && canHighlight,
      ...(canHighlight ? {} : { unavailable: "No importance available for these weights and variants." }),
      press: () => page.command("toggleHighlights"),
    }),
    button({
      id: "do-follow",
      label: "Follow the Cursor",
      pressed: follow,
      ...(canFollow || follow ? {} : { unavailable: "Available for documents profiled in this window." }),
      press: () => page.command("followCursor"),
    }),
  );
}
