/** A request that is answered with an error status. Thrown by handlers and helpers, answered by `http-server.ts`. */

export class HttpError extends Error {
  readonly status: number;
  /** Extra response headers, such as `WWW-Authenticate`. */
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param status 400 to 599.
   * @param message goes to the client as `{"error":{"message"}}`: no secrets, no paths.
   */
  constructor(
    status: number,
    message: string,
    options: { headers?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HttpError';
    this.status = status;
    this.headers = options.headers ?? {};
  }
}
