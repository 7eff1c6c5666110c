/** A message as one line of plain words: for previews, quotes and screen readers. */

const maxLength = 300;

/** Without marks of Markdown, line breaks as spaces, cut where nobody reads on. */
export function plainText(text: string): string {
  return text
    .slice(0, maxLength)
    .replace(/```\w*\n?|[*_~`]{1,3}(?=\S)|(?<=\S)[*_~`]{1,3}|^>\s?/gmu, '')
    .replace(/\[([^\][\n]{1,300})\]\(https?:[^\s()]{1,300}\)/gu, '$1')
    .replace(/\s+/gu, ' ')
    .trim();
}
