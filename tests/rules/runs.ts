/** How often a property is tried: few times in every run of the tests, more with `TIDINGS_RULES_RUNS` (a factor). */
const factor = Number(process.env['TIDINGS_RULES_RUNS'] ?? 1);

export const runs = (usual: number): number => Math.max(1, Math.round(usual * factor));
