/**
 * Somebody who joined: connected, known to the server and subscribed to one channel. Scenarios that do not look at
 * messages (`idle`, `churn`) are written against this, so that other servers can be measured beside Tidings.
 */
import { LoadClient, type LoadTarget } from './load-client.ts';

export interface Member {
  /** Why the connection is gone; undefined while it is there. */
  readonly closed: string | undefined;
  /** Resolves when the connection is closed on both sides. */
  leave(): Promise<void>;
  /** Cuts the line. */
  cut(): void;
}

export type Join = (index: number) => Promise<Member>;

/** The channel of client number `index` when the load is spread over `channels` channels. */
export function channelOf(index: number, channel: string, channels: number): string {
  return channels === 1 ? channel : `${channel}:${index % channels}`;
}

/** Joins over the Centrifuge protocol. */
export function protocolJoin(target: LoadTarget, channel: string, channels: number): Join {
  return async (index) => {
    const client = await LoadClient.open(target);
    try {
      await client.connect(index, { channel: channelOf(index, channel, channels) });
    } catch (error) {
      client.cut();
      throw error;
    }
    return client;
  };
}
