/** How often a property of chat is tried: few times in every run of the tests, more with `TIDINGS_CHAT_RUNS` (a factor). */
const factor = Number(process.env['TIDINGS_CHAT_RUNS'] ?? 1);

export const runs = (usual: number): number => Math.max(1, Math.round(usual * factor));

/** Longer runs need longer limits. */
export const limitMs = (usual: number): number => Math.max(usual, usual * factor);
