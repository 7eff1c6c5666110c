/** Messages of a few emoji and nothing else are shown large. */

const oneEmoji = /\p{RGI_Emoji}/gv;
const maxLarge = 6;
/** The longest single emoji have about 35 UTF-16 units. */
const maxLength = 40 * maxLarge;

/** How many emoji the text consists of; 0 if there is anything else, or more than are shown large. */
export function emojiOnly(text: string): number {
  if (text.length > maxLength) return 0;
  let count = 0;
  const rest = text.replace(oneEmoji, () => {
    count++;
    return '';
  });
  return rest.trim() === '' && count <= maxLarge ? count : 0;
}
