/** How large the benchmarks are: `full` for figures, `quick` to see that everything works and nothing is lost. */
export interface Scale {
  readonly repetitions: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly subscribers: number;
  readonly windows: readonly number[];
  readonly idleConnections: number;
  readonly idleMs: number;
  readonly recoverClients: number;
  readonly recoverChannels: number;
  readonly churnConcurrency: number;
  readonly ruleRounds: number;
  readonly ruleRoundMs: number;
  readonly ruleSubscribers: number;
  /** Of the chat scenarios: more than of others, because they wait for a disk. */
  readonly chatRepetitions: number;
  /** Sends per second of `chat-latency`. */
  readonly chatPerSecond: number;
  /** Rooms of `chat-read`, and messages of each. */
  readonly chatRooms: number;
  readonly chatMessages: number;
  readonly chatReads: number;
}

export const fullScale: Scale = {
  repetitions: 3,
  warmUpSeconds: 2,
  seconds: 4,
  subscribers: 1000,
  windows: [4, 16],
  idleConnections: 10_000,
  // Longer than a ping interval: idle connections are pinged, and that is part of their price.
  idleMs: 35_000,
  recoverClients: 10_000,
  recoverChannels: 100,
  churnConcurrency: 32,
  ruleRounds: 7,
  ruleRoundMs: 300,
  ruleSubscribers: 10_000,
  chatRepetitions: 5,
  chatPerSecond: 1_000,
  chatRooms: 500,
  chatMessages: 4_000,
  chatReads: 4_000,
};

export const quickScale: Scale = {
  repetitions: 1,
  warmUpSeconds: 0.3,
  seconds: 0.6,
  subscribers: 200,
  windows: [4],
  idleConnections: 200,
  idleMs: 500,
  recoverClients: 200,
  recoverChannels: 5,
  churnConcurrency: 8,
  ruleRounds: 3,
  ruleRoundMs: 5,
  ruleSubscribers: 200,
  chatRepetitions: 1,
  chatPerSecond: 200,
  chatRooms: 20,
  chatMessages: 200,
  chatReads: 50,
};
