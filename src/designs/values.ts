/** A parameter of a design: a whole number, or one of some words. */
export type ParameterValue = number | string;

/** Parameters of one design by their names. */
export type ParameterValues = Readonly<Record<string, ParameterValue>>;
