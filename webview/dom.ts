type Child = Node | string | undefined;

/** Many children come as a list: there may be more of them than a call takes arguments. */
type Children = Child | readonly Child[];

export interface Properties {
  readonly class?: string;
  readonly id?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** An element with its children. Text becomes text nodes, so nothing from a document is ever read as markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: readonly Children[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (properties.class !== undefined) made.className = properties.class;
  if (properties.id !== undefined) made.id = properties.id;
  for (const [name, value] of Object.entries(properties.attributes ?? {})) made.setAttribute(name, value);
  for (const child of children.flat()) if (child !== undefined) made.append(child);
  return made;
}

/** A paragraph, the commonest element of all. */
export function paragraph(text: string, name?: string): HTMLParagraphElement {
  return element("p", name === undefined ? {} : { class: name }, text);
}
