/** Reports are small; something larger is not one, and reading it would only cost memory. */
export const MAX_REPORT_BYTES = 256 * 2 ** 20;
