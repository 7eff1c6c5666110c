/**
 * Questions to the application. When Tidings is embedded they are functions; when it runs by itself they are HTTP
 * requests (`http-hooks.ts`). A hook may allow (with details), refuse with an error code, or close the connection.
 */
import { errors, ProtocolError, type Payload } from '@tidings/protocol';
import type { GrantOverride, Identity } from './identity.ts';

/** The asking client, in every request. */
export interface HookClient {
  readonly client: string;
  readonly user: string;
  readonly transport: string;
  /** Codec of the connection: `json` (also when absent) or `protobuf`. */
  readonly protocol?: string;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly meta?: unknown;
}

export interface ConnectHookRequest extends Omit<HookClient, 'user' | 'meta'> {
  readonly token: string | undefined;
  readonly data: Payload | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
}
export type RefreshHookRequest = HookClient;
/** `expired: true` closes the connection (3005). */
export interface RefreshHookResult {
  readonly expired?: boolean;
  readonly expireAt?: number;
  readonly info?: Payload;
  /** Replaces the meta of the connection, and so what rules know of the user; absent: both stay. */
  readonly meta?: unknown;
}
export interface SubscribeHookRequest extends HookClient {
  readonly channel: string;
  readonly token: string | undefined;
  readonly data: Payload | undefined;
}
export interface SubscribeHookResult {
  readonly info?: Payload;
  readonly data?: Payload;
  readonly expireAt?: number;
  readonly override?: GrantOverride;
}
export interface SubRefreshHookRequest extends HookClient {
  readonly channel: string;
}
export interface SubRefreshHookResult {
  readonly expired?: boolean;
  readonly expireAt?: number;
  readonly info?: Payload;
}
export interface PublishHookRequest extends HookClient {
  readonly channel: string;
  readonly data: Payload;
}
export interface PublishHookResult {
  /** Replaces what the client sent. */
  readonly data?: Payload;
  readonly tags?: Record<string, string>;
  readonly skipHistory?: boolean;
}
export interface RpcHookRequest extends HookClient {
  readonly method: string;
  readonly data: Payload | undefined;
}
export interface RpcHookResult {
  readonly data?: Payload;
}

/**
 * Law: a hook resolves with its result (undefined is an empty one), or throws `ProtocolError` (the client gets that
 * error), or `HookDisconnect` (the connection is closed so). Anything else thrown is an internal error (100) to the
 * client and one line in the log; `HookFailure` is the same without that line.
 */
export interface Hooks {
  /** Resolves to who the client is; undefined: the hook does not decide, go on with token or anonymous. */
  connect?(request: ConnectHookRequest): Promise<Identity | undefined>;
  refresh?(request: RefreshHookRequest): Promise<RefreshHookResult | undefined>;
  subscribe?(request: SubscribeHookRequest): Promise<SubscribeHookResult | undefined>;
  subRefresh?(request: SubRefreshHookRequest): Promise<SubRefreshHookResult | undefined>;
  publish?(request: PublishHookRequest): Promise<PublishHookResult | undefined>;
  rpc?(request: RpcHookRequest): Promise<RpcHookResult | undefined>;
}

/** A hook gave no usable answer: error 100 to the client. Thrown by hooks that have put it into the log themselves. */
export class HookFailure extends ProtocolError {
  constructor(detail: string, cause: unknown) {
    super(errors.internal, { detail, cause });
  }
}

/** Thrown by a hook to close the connection. */
export class HookDisconnect extends Error {
  readonly code: number;
  readonly reason: string;

  /**
   * @param code 3000 to 4999; see ERRORS.md for which of them make clients reconnect.
   * @param reason shown to the client; at most 123 bytes, the limit of a close frame (RFC 6455 §5.5).
   * @throws RangeError, which makes the hook's answer an internal error.
   */
  constructor(code: number, reason: string) {
    if (!Number.isInteger(code) || code < 3000 || code > 4999)
      throw new RangeError(`close code ${code} is not 3000 to 4999`);
    if (new TextEncoder().encode(reason).length > 123) throw new RangeError('the reason has more than 123 bytes');
    super(reason);
    this.name = 'HookDisconnect';
    this.code = code;
    this.reason = reason;
  }
}
