/** Where `parse.ts` stands among the tokens of a rule, and its words for what it finds there. */
import { RuleSyntaxError, type Span } from './syntax.ts';
import { type Token, tokenize } from './tokens.ts';

/** Operators that other languages write as words. */
const wordOperators: Readonly<Record<string, string>> = { and: '&&', or: '||', not: '!', eq: '==', is: '==' };

export class TokenReader {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  /** @throws {RuleSyntaxError} for what is no token. */
  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source);
  }

  get token(): Token {
    return this.#tokens[this.#next] as Token;
  }

  /** @param distance how many tokens after this one; beyond the end it is the end. */
  peek(distance: number): Token {
    return this.#tokens[Math.min(this.#next + distance, this.#tokens.length - 1)] as Token;
  }

  take(): Token {
    const token = this.token;
    if (token.kind !== 'end') this.#next++;
    return token;
  }

  /** Whether the symbol or keyword is next. */
  at(text: string): boolean {
    const token = this.token;
    return (token.kind === 'symbol' || token.kind === 'word') && token.text === text;
  }

  /** Goes past the symbol if it is next. */
  skip(text: string): boolean {
    const found = this.at(text);
    if (found) this.take();
    return found;
  }

  /**
   * @param valid what else could stand here, besides the symbol.
   * @throws {RuleSyntaxError} if the symbol is not next.
   */
  expect(text: string, valid?: string): Token {
    return this.at(text) ? this.take() : this.unexpected(valid ? `${text}, or ${valid}` : text);
  }

  /** The token that is next must not stand there. */
  unexpected(valid: string): never {
    const { token } = this;
    const operator = token.kind === 'word' && wordOperators[token.text.toLowerCase()];
    return fail(token.span, this.#describe(token), operator ? `${operator} is the operator; ${valid}` : valid);
  }

  #describe(token: Token): string {
    if (token.kind === 'end') return this.#tokens.length === 1 ? 'an empty rule' : 'the end of the rule';
    const text = this.#source.slice(token.span.start, token.span.end);
    return text.length <= 40 ? `"${text}"` : `"${text.slice(0, 39)}…"`;
  }
}

/** @throws {RuleSyntaxError} always. */
export function fail(span: Span, found: string, valid: string): never {
  throw new RuleSyntaxError({ span, found, valid });
}
