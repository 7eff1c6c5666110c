import { describe, expect, test } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { CounterMap, CounterTable, HistogramMap, Metrics } from '../lib/metrics.ts';
import { ApiKeys } from './api-keys.ts';
import { startTestServer } from './http-test-server.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { Prometheus } from './prometheus.ts';

const gauges = { connections: { websocket: 3, sse: 1 }, users: 2, subscriptions: 7, channels: 5, sessions: 1 };
const prometheusOf = (metrics: Metrics): Prometheus =>
  new Prometheus({ metrics, gauges: () => gauges, version: '1.2.3' });

/** Reads the text exposition format: samples by name and labels. Fails on a line that is not of it. */
function parse(text: string): { samples: Map<string, number>; types: Map<string, string>; help: Map<string, string> } {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  const help = new Map<string, string>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment) {
      (comment[1] === 'HELP' ? help : types).set(comment[2] as string, comment[3] as string);
      continue;
    }
    const sample = /^([a-z_:][a-z0-9_:]*(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})?) (\S+)$/.exec(line);
    expect(sample, line).not.toBeNull();
    samples.set(sample?.[1] as string, Number(sample?.[2]));
  }
  return { samples, types, help };
}

describe('the text', () => {
  test('holds every field of Metrics', async () => {
    const metrics = new Metrics();
    let expected = 0;
    for (const field of Object.keys(metrics) as (keyof Metrics)[]) {
      const source: unknown = metrics[field];
      if (source instanceof CounterMap) source.add('x', 5);
      else if (source instanceof CounterTable) source.add('x', 'y', 5);
      else if (source instanceof HistogramMap) source.observe('x', 0.5);
      else (metrics as unknown as Record<string, number>)[field] = 5;
      expected++;
    }
    const { samples, types, help } = parse((await prometheusOf(metrics).text()).text);
    const fives = [...samples].filter(([name, value]) => value === 5 && !name.startsWith('tidings_channels'));
    const histograms = [...types].filter(([, type]) => type === 'histogram');
    expect(fives.length + histograms.length).toBe(expected);
    for (const name of types.keys()) {
      expect(name).toMatch(/^tidings_/);
      expect(help.get(name)).toMatch(/\.$/);
    }
    for (const [name, type] of types) expect(name.endsWith('_total')).toBe(type === 'counter');
  });

  test('counters follow, gauges are asked', async () => {
    const metrics = new Metrics();
    const prometheus = prometheusOf(metrics);
    metrics.deliveries = 4;
    metrics.connectionsClosed.add(3001, 2);
    metrics.channelDenials.add('room:{id}', 'publish', 3);
    const first = parse((await prometheus.text()).text).samples;
    expect(first.get('tidings_deliveries_total')).toBe(4);
    expect(first.get('tidings_connections_closed_total{code="3001"}')).toBe(2);
    expect(first.get('tidings_channel_denials_total{pattern="room:{id}",action="publish"}')).toBe(3);
    expect(first.get('tidings_connections{transport="websocket"}')).toBe(3);
    expect(first.get('tidings_connections{transport="sse"}')).toBe(1);
    expect(first.get('tidings_subscriptions')).toBe(7);
    expect([...first.keys()]).toContainEqual(expect.stringMatching(/^tidings_build_info\{version="1.2.3",node="v\d/));
    metrics.deliveries += 6;
    expect(parse((await prometheus.text()).text).samples.get('tidings_deliveries_total')).toBe(10);
  });

  test('histograms are cumulative and end in +Inf', async () => {
    const metrics = new Metrics();
    for (const seconds of [0.00005, 0.003, 0.003, 60]) metrics.apiSeconds.observe('publish', seconds);
    const { samples } = parse((await prometheusOf(metrics).text()).text);
    const bucket = (bound: string): number | undefined =>
      samples.get(`tidings_api_duration_seconds_bucket{method="publish",le="${bound}"}`);
    expect([bucket('0.0001'), bucket('0.0025'), bucket('0.005'), bucket('10'), bucket('+Inf')]).toEqual([
      1, 1, 3, 3, 4,
    ]);
    expect(samples.get('tidings_api_duration_seconds_count{method="publish"}')).toBe(4);
    expect(samples.get('tidings_api_duration_seconds_sum{method="publish"}')).toBeCloseTo(60.00605);
  });

  test('labels are escaped', async () => {
    const metrics = new Metrics();
    metrics.errors.add('a"b\nc\\');
    const { text } = await prometheusOf(metrics).text();
    expect(text).toContain('tidings_errors_total{code="a\\"b\\nc\\\\"} 1');
  });

  test('sees the event loop blocked while it runs', async () => {
    const prometheus = prometheusOf(new Metrics());
    await prometheus.start();
    await new Promise((resolve) => setTimeout(resolve, 60));
    const until = performance.now() + 150;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const { samples } = parse((await prometheus.text()).text);
    await prometheus.stop();
    expect(samples.get('tidings_event_loop_delay_max_seconds')).toBeGreaterThan(0.05);
    expect(samples.get('tidings_process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(parse((await prometheus.text()).text).samples.get('tidings_event_loop_delay_max_seconds')).toBe(0);
  });
});

describe('the route', () => {
  const prometheus = prometheusOf(new Metrics());

  test('is open, or takes a key as scrapers send it', async () => {
    await using open = await startTestServer({ routes: metricsRoutes({ prometheus, access: { type: 'open' } }) });
    const response = await fetch(`${open.url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0.0.4/);
    const logger = createLogger('silent');
    const keys = new ApiKeys({ keys: ['secret-key'], development: false, clock: systemClock, logger });
    await using closed = await startTestServer({
      routes: metricsRoutes({ prometheus, access: { type: 'key', keys } }),
    });
    expect((await fetch(`${closed.url}/metrics`)).status).toBe(401);
    const headers = { authorization: 'Bearer secret-key' };
    expect((await fetch(`${closed.url}/metrics`, { headers })).status).toBe(200);
  });
});
