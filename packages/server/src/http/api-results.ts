/** Results of the server API as they stand on the wire; see `api-schema.ts` for the requests. */
import type { Payload } from '@tidings/protocol';
import { z } from 'zod';

const payload = (description: string) => z.custom<Payload>().meta({ description });

export const apiError = z
  .object({
    code: z.int().describe("Code from ERRORS.md; 400 to 1999 are the application's own."),
    message: z.string().describe('What was wrong, for people.'),
  })
  .describe('Why the method failed.');

export const clientInfo = z
  .object({
    user: z.string().describe('Empty for an anonymous client.'),
    client: z.string().describe('Id of the connection.'),
    conn_info: payload('Info of the connection.').optional(),
    chan_info: payload('Info of the subscription.').optional(),
  })
  .describe('One client.');

export const publication = z
  .object({
    data: payload('What was published. Bytes that are not JSON stand in `b64data`.').optional(),
    b64data: z.string().optional(),
    info: clientInfo.optional(),
    offset: z.int().optional().describe('Place in the stream.'),
    tags: z.record(z.string(), z.string()).optional(),
  })
  .describe('One publication.');

export const publishResult = z.object({
  offset: z.int().optional().describe('Place in the stream; absent without history.'),
  epoch: z.string().optional().describe('Life of the stream; absent without history.'),
});

export const broadcastResult = z.object({
  responses: z
    .array(z.object({ result: publishResult.optional(), error: apiError.optional() }))
    .describe('One response for each channel, in order.'),
});

export const emptyResult = z.object({});

export const presenceResult = z.object({
  presence: z.record(z.string(), clientInfo).describe('By client id.'),
});

export const presenceStatsResult = z.object({ num_clients: z.int(), num_users: z.int() });

export const historyResult = z.object({
  publications: z.array(publication),
  epoch: z.string().describe('Life of the stream.'),
  offset: z.int().describe('Top of the stream.'),
});

export const channelsResult = z.object({
  channels: z.record(z.string(), z.object({ num_clients: z.int() })).describe('Channels with subscribers, by name.'),
});

export const infoResult = z.object({
  nodes: z.array(
    z.object({
      uid: z.string(),
      name: z.string(),
      version: z.string(),
      num_clients: z.int(),
      num_users: z.int(),
      num_subs: z.int(),
      num_channels: z.int(),
      uptime: z.int().describe('Seconds.'),
      process: z
        .object({
          cpu: z.number().describe('Share of one core in percent.'),
          rss: z.int().describe('Resident memory in bytes.'),
        })
        .optional(),
    }),
  ),
});

export const relationChangeResult = z.object({
  changed: z.int().describe('Facts that were not there before, or that were there.'),
});

export const relationListResult = z.object({
  facts: z.array(z.array(z.union([z.string(), z.number(), z.boolean()]))),
  next: z.string().optional().describe('For `after` of the next page; absent on the last one.'),
});

export const eventDeadLettersResult = z.object({
  events: z.array(
    z.object({
      id: z.string(),
      subject: z.string().describe('What order held within.'),
      attempts: z.int().describe('Failed attempts.'),
      problem: z.string().describe('Why the last attempt failed.'),
      died_at: z.int().describe('When it was given up, in Unix milliseconds.'),
      event: payload('The event, as it was to be delivered.'),
    }),
  ),
  next: z.string().optional().describe('For `after` of the next page; absent on the last one.'),
});

export const eventRetryResult = z.object({ retried: z.int().describe('Events that are tried again.') });

export const eventDropResult = z.object({ dropped: z.int().describe('Events that are forgotten.') });

export const rpcResult = z.object({
  data: payload('The answer. Bytes that are not JSON stand in `b64data`.').optional(),
});
