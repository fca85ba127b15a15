/** What may be asked for in the place of an engine. Plain data, for the editor too, which loads no row. */
export const AUTO = {
  id: "auto",
  title: "Automatic",
  description: "a real GPU if there is one, otherwise the CPU",
} as const;
