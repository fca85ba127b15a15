/** What may be asked for in the place of an engine. Plain data, for the editor too, which loads no row. */
export const AUTO = {
  id: "auto",
  title: "Automatic",
  description: "a GPU where there is a real one, else the CPU; the report says which and why",
} as const;
