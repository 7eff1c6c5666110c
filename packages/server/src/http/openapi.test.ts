import { describe, expect, test } from 'vitest';
import { startTestServer } from './http-test-server.ts';
import { apiMethodNames, apiMethods } from './api-methods.ts';
import { openApiDocument, openApiRoutes, type JsonSchema } from './openapi.ts';

const document = openApiDocument('1.2.3');

/** Every object in a JSON document. */
function* objects(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const child of Object.values(value)) yield* objects(child);
}

describe('the document', () => {
  test('has a path for every method, and no other', () => {
    expect(Object.keys(document.paths)).toEqual(apiMethodNames.map((name) => `/api/${name}`));
    for (const { post } of Object.values(document.paths)) {
      expect(post.summary).toMatch(/\.$/);
      expect(post.requestBody.content['application/json'].example).toBeDefined();
      expect(Object.keys(post.responses)).toEqual(['200', '400', '401', '413']);
    }
  });

  test('every $ref leads somewhere, and every schema is used', () => {
    const names = Object.keys(document.components.schemas);
    const used = new Set<string>();
    for (const object of objects(document)) {
      if (typeof object['$ref'] !== 'string') continue;
      expect(object['$ref']).toMatch(/^#\/components\/schemas\//);
      used.add(object['$ref'].slice('#/components/schemas/'.length));
    }
    expect([...used].toSorted()).toEqual(names.toSorted());
  });

  test('is one resource: no part has an identity of its own', () => {
    for (const object of objects(document)) {
      expect(object).not.toHaveProperty('$schema');
      expect(object).not.toHaveProperty('$id');
      expect(object).not.toHaveProperty('$defs');
    }
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.version).toBe('1.2.3');
  });

  test('request schemas list the fields that validation takes, each with a description', () => {
    for (const { name, fields } of apiMethods.values()) {
      const schemas = document.components.schemas;
      const ref = document.paths[`/api/${name}`]?.post.requestBody.content['application/json'].schema.$ref ?? '';
      let schema = schemas[ref.split('/').at(-1) ?? ''] as JsonSchema;
      if (schema.$ref) schema = schemas[schema.$ref.split('/').at(-1) ?? ''] as JsonSchema;
      expect(Object.keys(schema.properties ?? {})).toEqual(fields);
      expect(schema.additionalProperties).toBe(false);
      for (const property of Object.values(schema.properties ?? {})) expect(property.description).toMatch(/\.$/);
    }
    expect(document.components.schemas['PublishRequest']?.required).toEqual(['channel']);
    expect(document.components.schemas['PublishRequest']?.properties?.['b64data']).toMatchObject({
      type: 'string',
      contentEncoding: 'base64',
    });
  });
});

describe('the routes', () => {
  test('serve the document and a page that needs nothing else', async () => {
    await using http = await startTestServer({ routes: openApiRoutes('1.2.3') });
    expect(await (await fetch(`${http.url}/api/openapi.json`)).json()).toEqual(JSON.parse(JSON.stringify(document)));
    const response = await fetch(`${http.url}/api/docs`);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    const page = await response.text();
    for (const name of apiMethodNames) expect(page).toContain(`<code>POST /api/${name}</code>`);
    expect(page).toContain('skip_history');
    expect(page).toContain('since.offset');
    expect(page).not.toMatch(/<script|<link|<img|style="|https:\/\//);
    expect(page).not.toContain('undefined');
    const style = /<style>([\s\S]*)<\/style>/.exec(page)?.[1] ?? '';
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style));
    expect(policy).toContain(`'sha256-${Buffer.from(digest).toString('base64')}'`);
  });
});
