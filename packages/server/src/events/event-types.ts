/** Which events the application wants: by their exact type, or `chat.*` for all that begin so. */
export function eventFilter(types: readonly string[]): (type: string) => boolean {
  const exact = new Set(types);
  const prefixes = types.filter((type) => type.endsWith('.*')).map((type) => type.slice(0, -1));
  return (type) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}
