/** Finding by name, as people type: without case and accents, any part of any word. */
export function matches(name: string, query: string): boolean {
  const plain = simplified(name);
  return simplified(query)
    .split(/\s+/u)
    .every((part) => plain.includes(part));
}

function simplified(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}
