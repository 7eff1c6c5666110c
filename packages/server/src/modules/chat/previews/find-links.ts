/** Links in the text of a message. */

const maxLinkLength = 2_048;

/** @returns the first `max` different http and https links, as they stand in the text. */
export function findLinks(text: string, max: number): string[] {
  const links = new Set<string>();
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"`{}|\\^]{1,4096}/gi)) {
    const link = trimEnd(match[0]);
    if (link.length > maxLinkLength || !URL.canParse(link)) continue;
    links.add(link);
    if (links.size === max) break;
  }
  return [...links];
}

/** Without what belongs to the sentence: punctuation, and brackets that were opened before the link. */
function trimEnd(link: string): string {
  let end = link.length;
  let round = balance(link, '(', ')');
  let square = balance(link, '[', ']');
  for (; end > 0; end--) {
    const last = link[end - 1] as string;
    if (last === ')' && round < 0) round++;
    else if (last === ']' && square < 0) square++;
    else if (!/[.,;:!?'*_~…。、，！？」）]/u.test(last)) break;
  }
  return link.slice(0, end);
}

function balance(text: string, open: string, close: string): number {
  let depth = 0;
  for (const character of text) depth += character === open ? 1 : character === close ? -1 : 0;
  return depth;
}
