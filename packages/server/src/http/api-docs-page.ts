/** The reference page of the server API: plain HTML out of the OpenAPI document, without scripts or foreign hosts. */
import { createHash } from 'node:crypto';
import type { JsonSchema, OpenApiDocument, Operation } from './openapi.ts';

const style = `
:root { color-scheme: light dark; --text: light-dark(#1c2024, #e6e8ea); --soft: light-dark(#60646c, #a0a6ad);
  --line: light-dark(#e0e3e7, #33383e); --back: light-dark(#fff, #16181b); --code: light-dark(#f5f6f8, #1f2226); }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; } h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1.5rem; } h3 { font-size: 1rem; }
a { color: inherit; } nav a { display: inline-block; margin: 0 1rem .4rem 0; }
code, pre { font-family: ui-monospace, monospace; font-size: .875em; background: var(--code); border-radius: 4px; }
code { padding: .1em .3em; } pre { padding: .8rem 1rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
th { font-size: .8rem; color: var(--soft); font-weight: 600; } td:first-child { white-space: nowrap; } .soft { color: var(--soft); }
`;

/** Nothing may run or load; the one style sheet is named by its digest. */
export const apiDocsPolicy: string = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export function apiDocsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).map(([path, { post }]) => ({ path, post }));
  const links = operations.map(({ post }) => `<a href="#${post.operationId}"><code>${post.operationId}</code></a>`);
  const sections = operations.map(({ path, post }) => section(path, post, document));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(document.info.title)}</title><style>${style}</style></head><body>
<h1>${escape(document.info.title)} <span class="soft">${escape(document.info.version)}</span></h1>
<p>${prose(document.info.description)}</p>
<p>The same as a document for programs: <a href="/api/openapi.json">openapi.json</a>.</p>
<nav aria-label="Methods">${links.join('')}</nav>
${sections.join('\n')}
</body></html>
`;
}

function section(path: string, operation: Operation, document: OpenApiDocument): string {
  const { schema, example } = operation.requestBody.content['application/json'];
  const reply = operation.responses['200']?.content['application/json'].schema ?? {};
  const result = resolve(resolve(reply, document).oneOf?.[0]?.properties?.['result'] ?? {}, document);
  const curl = [
    `curl -X POST http://localhost:8000${path}`,
    `-H 'X-API-Key: <key>'`,
    `-d '${JSON.stringify(example)}'`,
  ].join(' \\\n  ');
  return `<section id="${operation.operationId}"><h2><code>POST ${escape(path)}</code></h2>
<p>${prose(operation.summary)}</p>
<h3>Request</h3>${table(resolve(schema, document), document)}
<h3>Result</h3>${table(result, document)}
<h3>Example</h3><pre>${escape(curl)}</pre></section>`;
}

function table(schema: JsonSchema, document: OpenApiDocument): string {
  const rows = fieldRows(schema, document, '');
  if (rows.length === 0) return '<p class="soft">No fields.</p>';
  return `<table><thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** One row for each field; fields of nested objects follow under their full name. */
function fieldRows(schema: JsonSchema, document: OpenApiDocument, prefix: string): string[] {
  const rows: string[] = [];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const target = resolve(field, document);
    const required = schema.required?.includes(name) ? ' <span class="soft">required</span>' : '';
    rows.push(
      `<tr><td><code>${escape(prefix + name)}</code>${required}</td><td>${escape(typeName(field))}</td>` +
        `<td>${prose(field.description ?? target.description ?? '')}</td></tr>`,
    );
    // A command of a batch is a request that has its own section.
    const nested = field.$ref ? undefined : (target.items ?? target);
    if (nested?.properties) rows.push(...fieldRows(nested, document, `${prefix}${name}${target.items ? '[]' : ''}.`));
  }
  return rows;
}

function typeName(schema: JsonSchema): string {
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.anyOf) return schema.anyOf.map(typeName).join(' or ');
  if (schema.type === 'array') return `array of ${typeName(schema.items ?? {})}`;
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') {
    return `map of ${typeName(schema.additionalProperties)}`;
  }
  return schema.type ?? 'any';
}

function resolve(schema: JsonSchema, document: OpenApiDocument): JsonSchema {
  let at = schema;
  while (at.$ref) at = document.components.schemas[at.$ref.slice('#/components/schemas/'.length)] ?? {};
  return at;
}

/** Text in which `code` stands between backticks. */
function prose(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
