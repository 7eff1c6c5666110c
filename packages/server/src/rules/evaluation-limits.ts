/** What one evaluation may grow to, whatever the data. Beyond a limit the rule fails, which denies. */

/** UTF-16 code units of a string that a function makes. */
export const maxStringUnits = 1_000_000;
/** Elements of a list that a function makes. */
export const maxListElements = 100_000;
/** Steps of all macros of one evaluation together: their turns, and in each what functions look through. */
export const maxSteps = 100_000;
/** Elements of lists and maps that a function looks through for one step. */
export const elementsPerStep = 8;
/** UTF-16 code units that a function looks through for one step. */
export const unitsPerStep = 128;
/** So many times as much a text counts that a function cuts up or writes anew. */
export const rewritingFactor = 10;
/** Steps that a regular expression counts for which is not written in the rule: a short one may take long to prepare. */
export const stepsPerPattern = 500;
/** UTF-16 code units of a regular expression. */
export const maxPatternUnits = 1_000;
/** Levels of lists and maps that a comparison looks into. */
export const maxValueDepth = 128;
/** Patterns, and time zones, that one function of a compiled rule keeps prepared. */
export const maxPrepared = 64;
