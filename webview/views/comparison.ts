import { element, paragraph } from "../dom.ts";
import { comparisonModel } from "../model/comparison.ts";
import { section } from "../section.ts";
import { button } from "../ui/button.ts";
import { tableElement, twins } from "./table.ts";

export const comparisonSection = section("comparison", comparisonModel, (model, page) => ({
  content: [
    paragraph(`Compared with ${model.baseline}.`, "aside"),
    paragraph(model.headline, "message"),
    ...(model.figures ? [tableElement(model.figures)] : []),
    ...(model.differences
      ? [twins(page, "comparison-differences", [model.differences], model.differences.caption)]
      : []),
    element(
      "div",
      { class: "buttons" },
      button({ id: "comparison-end", label: "End Comparison", press: () => page.command("endCompare") }),
    ),
  ],
}));
