import "./about.css";
import { element } from "../dom.ts";
import { aboutModel } from "../model/about.ts";
import { section } from "../section.ts";

export const aboutSection = section("about", aboutModel, ({ rows, repeats, notes }) => ({
  content: [
    element(
      "dl",
      {},
      ...rows.map(({ name, text }) => element("div", {}, element("dt", {}, name), element("dd", {}, text))),
      ...repeats.map(({ name, text }) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, element("code", {}, text))),
      ),
    ),
    element("ul", { class: "notes" }, ...notes.map((note) => element("li", {}, note))),
  ],
}));
