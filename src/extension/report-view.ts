import type { Report } from "../protocol/report.ts";
import type { PanelState } from "../protocol/panel.ts";
import type { SelectionTable } from "../protocol/selection-table.ts";
import type { DocumentLink } from "./document-link.ts";
import { Emitter, type Ending } from "./emitter.ts";

/** A report with what this window knows of its document. */
export interface Subject {
  readonly report: Report;
  readonly source: PanelState["source"];
  /** The profiled text, where it is at hand; its hash is the report's. */
  readonly text?: string;
  /** Every query's selection, for following the cursor. */
  readonly table?: SelectionTable;
  readonly link?: DocumentLink;
}

export type Baseline = NonNullable<PanelState["baseline"]>;

/** What one page shows: a report, and perhaps one to compare it with. The panel has one, each report editor its own. */
export class ReportView {
  readonly #changed = new Emitter();
  /** Told when a page would look different. */
  readonly onDidChange = this.#changed.on;
  readonly #moved = new Emitter();
  /** Told when the document was edited: its text moved, or was touched. Comes often while somebody types. */
  readonly onDidMove = this.#moved.on;
  #subject: Subject | undefined;
  #baseline: Baseline | undefined;
  #following: Ending | undefined;

  get subject(): Subject | undefined {
    return this.#subject;
  }

  get baseline(): Baseline | undefined {
    return this.#baseline;
  }

  /** Shows another report; owns its link to the document from now on. */
  show(subject: Subject | undefined): void {
    this.#letGo();
    this.#subject = subject;
    this.#following = subject?.link && this.#follow(subject.link);
    this.#changed.fire();
  }

  /** The document was found, or another one; the same report stays. */
  relink(link: DocumentLink): void {
    if (this.#subject) this.show({ ...this.#subject, link });
    else link.dispose();
  }

  /** The same subject, with more of its report, or all. */
  refine(change: Pick<Subject, "report" | "table">): void {
    if (!this.#subject) return;
    this.#subject = { ...this.#subject, ...change };
    this.#changed.fire();
  }

  compareWith(baseline: Baseline | undefined): void {
    this.#baseline = baseline;
    this.#changed.fire();
  }

  dispose(): void {
    this.#letGo();
    this.#subject = undefined;
    this.#changed.dispose();
    this.#moved.dispose();
  }

  #follow(link: DocumentLink): Ending {
    let told = link.place;
    return link.onDidChange(() => {
      this.#moved.fire();
      if (link.place === told) return;
      told = link.place;
      this.#changed.fire();
    });
  }

  #letGo(): void {
    this.#following?.dispose();
    this.#subject?.link?.dispose();
  }
}

/** The profiled text of a subject, wherever it is at hand. */
export function textOf({ text, report, link }: Subject): string | undefined {
  return text ?? report.document.text ?? link?.text;
}

/** Where the subject's document is, in the words of the page. */
export function placeOf({ link }: Subject): PanelState["document"] {
  return link?.place ?? "unknown";
}

/** Whether the selection of a token can be looked up, and shown in the text. */
export function canFollow(subject: Subject | undefined): boolean {
  return subject?.table !== undefined && subject.link?.document !== undefined;
}
