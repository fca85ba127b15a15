/** Which folder of stories a window runs: windows differ in what they trust. */
export const STORIES_VARIABLE = "HYSPARSE_TEST_STORIES";

/** Only stories whose full title fits this regular expression; unset or empty: all. */
export const GREP_VARIABLE = "HYSPARSE_TEST_GREP";
