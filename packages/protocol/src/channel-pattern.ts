/**
 * Patterns of channel names, as the configuration has them: `lobby`, `room:{id}`, `room:{id}:typing`, `chat:*`.
 * A variable takes one or more characters but no colon; a star, at the end only, takes any rest, also none.
 */

export interface ChannelPattern {
  readonly text: string;
  /** Characters that a channel must have literally. */
  readonly literalLength: number;
  /** Ends in a star. */
  readonly open: boolean;
  /** Names of the variables, in order. */
  readonly variables: readonly string[];
  /** The variables of a channel; undefined if the channel does not match. Takes linear time. */
  match(channel: string): Record<string, string> | undefined;
}

type Token =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'rest' };

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Reads a pattern.
 * @throws Error that says what is wrong with it.
 */
export function compilePattern(text: string): ChannelPattern {
  const tokens = tokenize(text);
  return {
    text,
    literalLength: tokens.reduce((sum, token) => sum + (token.kind === 'literal' ? token.text.length : 0), 0),
    open: tokens.at(-1)?.kind === 'rest',
    variables: tokens.flatMap((token) => (token.kind === 'variable' ? [token.name] : [])),
    match: (channel) => matchTokens(tokens, channel),
  };
}

function tokenize(text: string): Token[] {
  const fail = (why: string): never => {
    throw new Error(`channel pattern "${text}": ${why}`);
  };
  if (text === '') fail('is empty');
  const tokens: Token[] = [];
  const names = new Set<string>();
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    const before = tokens.at(-1)?.kind;
    if (char === '*') {
      if (at !== text.length - 1) fail('* may stand at the end only');
      if (before === 'variable') fail('* must not follow a variable directly');
      tokens.push({ kind: 'rest' });
      at++;
    } else if (char === '{') {
      const close = text.indexOf('}', at);
      if (close < 0) fail('{ without }');
      const name = text.slice(at + 1, close);
      if (!variableName.test(name)) fail(`"${name}" is not a name of a variable (letters, digits, _)`);
      if (names.has(name)) fail(`variable {${name}} stands twice`);
      if (before === 'variable') fail('two variables need text between them');
      names.add(name);
      tokens.push({ kind: 'variable', name });
      at = close + 1;
    } else if (char === '}') {
      fail('} without {');
    } else {
      const length = text.slice(at).search(/[*{}]/);
      const end = length < 0 ? text.length : at + length;
      tokens.push({ kind: 'literal', text: text.slice(at, end) });
      at = end;
    }
  }
  return tokens;
}

/**
 * Taking the first place where the text behind a variable stands is enough, nothing need be tried twice: a variable has
 * no colon, so a later place could only move characters without a colon from one variable to the other.
 */
function matchTokens(tokens: readonly Token[], channel: string): Record<string, string> | undefined {
  const variables = Object.create(null) as Record<string, string>;
  let at = 0;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (token.kind === 'rest') return variables;
    if (token.kind === 'literal') {
      if (!channel.startsWith(token.text, at)) return undefined;
      at += token.text.length;
      continue;
    }
    const end = variableEnd(tokens, i, channel, at);
    if (end <= at) return undefined;
    const value = channel.slice(at, end);
    if (value.includes(':')) return undefined;
    variables[token.name] = value;
    at = end;
  }
  return at === channel.length ? variables : undefined;
}

/** Where the variable at `index` ends if it begins at `at`; not above `at` if it cannot end. */
function variableEnd(tokens: readonly Token[], index: number, channel: string, at: number): number {
  const next = tokens[index + 1];
  if (next?.kind !== 'literal') return channel.length;
  if (index + 2 < tokens.length) return channel.indexOf(next.text, at + 1);
  return channel.endsWith(next.text) ? channel.length - next.text.length : -1;
}

/**
 * Order of patterns, the most specific first: more literal characters, then one without a star.
 * @returns below 0 if `a` is more specific, 0 if neither is.
 */
export function compareSpecificity(a: ChannelPattern, b: ChannelPattern): number {
  return b.literalLength - a.literalLength || Number(a.open) - Number(b.open);
}

/** Pairs of patterns that some channel matches both of while neither is more specific. */
export function findAmbiguous(patterns: readonly ChannelPattern[]): [ChannelPattern, ChannelPattern][] {
  const pairs: [ChannelPattern, ChannelPattern][] = [];
  patterns.forEach((a, index) => {
    for (const b of patterns.slice(index + 1)) {
      if (compareSpecificity(a, b) === 0 && patternsOverlap(a, b)) pairs.push([a, b]);
    }
  });
  return pairs;
}

/** One step of a pattern; `loop` takes none or more characters, otherwise it is one. */
interface Step {
  /** The character itself, any but a colon, or any. */
  readonly accepts: 'char' | 'word' | 'any';
  readonly char: string;
  readonly loop: boolean;
}

function stepsOf(pattern: ChannelPattern): Step[] {
  return tokenize(pattern.text).flatMap((token): Step[] => {
    if (token.kind === 'literal') {
      return token.text.split('').map((char) => ({ accepts: 'char', char, loop: false }));
    }
    if (token.kind === 'rest') return [{ accepts: 'any', char: '', loop: true }];
    return [
      { accepts: 'word', char: '', loop: false },
      { accepts: 'word', char: '', loop: true },
    ];
  });
}

/** Whether some channel matches both: walks the two patterns side by side, each pair of places once. */
export function patternsOverlap(a: ChannelPattern, b: ChannelPattern): boolean {
  const left = stepsOf(a);
  const right = stepsOf(b);
  const width = right.length + 1;
  const seen = new Set<number>([0]);
  for (const place of seen) {
    const i = Math.floor(place / width);
    const j = place % width;
    const x = left[i];
    const y = right[j];
    if (!x && !y) return true;
    if (x?.loop) seen.add((i + 1) * width + j);
    if (y?.loop) seen.add(i * width + j + 1);
    if (x && y && haveCommon(x, y)) seen.add((x.loop ? i : i + 1) * width + (y.loop ? j : j + 1));
  }
  return false;
}

function haveCommon(x: Step, y: Step): boolean {
  if (x.accepts === 'any' || y.accepts === 'any') return true;
  if (x.accepts === 'word') return y.char !== ':';
  if (y.accepts === 'word') return x.char !== ':';
  return x.char === y.char;
}
