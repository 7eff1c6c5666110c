/**
 * Writes a complete configuration to start from: every key with its meaning and default, secrets drawn at random, one
 * kind of channel as an example. Made from the schema, so that it cannot be out of date.
 */
import { configTree, formatValue, type ConfigNode } from '@tidings/server';
import { stringify } from 'yaml';

export const configFormats = ['yaml', 'json', 'ts'] as const;
export type ConfigFormat = (typeof configFormats)[number];

/** A key as it is written: with a value or with keys below it, in force or commented out. */
interface Entry {
  readonly name: string;
  readonly description: string | undefined;
  readonly value: unknown;
  readonly children: readonly Entry[] | undefined;
  readonly active: boolean;
}

const examplePattern = 'chat:{room}';

/** What the example channel has instead of defaults. */
const exampleChannel: Readonly<Record<string, unknown>> = {
  'allow.subscribe': 'authenticated',
  'allow.publish': 'subscribers',
  'allow.history': 'subscribers',
  'allow.presence': 'subscribers',
  'history.size': 100,
  'history.ttl': '1d',
  recovery: 'on-request',
  positioning: 'on-request',
  joinLeave: 'on-request',
  presence: true,
};

/** Names in sections whose names are free: what stands below them is an example, commented out. */
const exampleNames: Readonly<Record<string, string>> = {
  'channels.<pattern>.publish.set': 'from',
  'rules.auth': 'role',
  'rules.relations': 'member',
  'rules.relations.<name>.parameters': 'group',
  'rules.relations.<name>.whereColumns': 'left_at',
  'rules.schemas': 'Message',
  'rules.schemas.<name>': 'text',
};

/** What stands in keys that are commented out because they have no default. */
const examples: Readonly<Record<string, unknown>> = {
  'channels.<pattern>.publish.schema': 'Message',
  'channels.<pattern>.publish.set.<name>': 'auth.uid',
  'rules.auth.<name>': 'string?',
  'rules.relations.<name>.parameters.<name>': 'string',
  'rules.relations.<name>.table': 'members',
  'rules.relations.<name>.columns': ['group_id', 'user_id'],
  'rules.relations.<name>.where': 'row.left_at == null',
  'rules.relations.<name>.whereColumns.<name>': 'timestamp?',
  'rules.schemas.<name>.<name>': { type: 'string', maxLength: 4000 },
  'store.url': 'postgres://tidings:password@127.0.0.1:5432/tidings',
  'node.name': 'node-1',
  'listen.tls.certFile': './tls/certificate.pem',
  'listen.tls.keyFile': './tls/key.pem',
  'internal.port': 8001,
  publicKey: '-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n',
  jwksUrl: 'https://id.example.com/.well-known/jwks.json',
  issuer: 'https://id.example.com/',
  audience: 'tidings',
  'hooks.connect.url': 'http://127.0.0.1:3000/tidings/connect',
  'hooks.refresh.url': 'http://127.0.0.1:3000/tidings/refresh',
  'hooks.subscribe.url': 'http://127.0.0.1:3000/tidings/subscribe',
  'hooks.subRefresh.url': 'http://127.0.0.1:3000/tidings/sub-refresh',
  'hooks.publish.url': 'http://127.0.0.1:3000/tidings/publish',
  'hooks.rpc.url': 'http://127.0.0.1:3000/tidings/rpc',
  'events.url': 'http://127.0.0.1:3000/tidings/events',
};

const head = [
  'Configuration of Tidings. Every key stands here with its default; what can be left out can be deleted.',
  'Instead of a value, "${NAME}" takes it from the environment variable NAME. Each key has a variable of its own too.',
  'Check it with: tidings check-config',
];

/** @param secret draws a random text; called once for each secret. */
export function generateConfig(format: ConfigFormat, secret: () => string): string {
  const root = configTree.children.map((node) => entryOf(node, true, secret));
  switch (format) {
    case 'yaml':
      return `${head.map((line) => `# ${line}`).join('\n')}\n${yamlLines(root, '').join('\n')}\n`;
    case 'ts': {
      const lines = head.map((line) => `// ${line}`).join('\n');
      const type = `import type { ConfigInput } from '@tidings/server';`;
      return `${lines}\n${type}\n\nexport const config: ConfigInput = {\n${tsLines(root, '  ').join('\n')}\n};\n`;
    }
    case 'json':
      return `${JSON.stringify(plain(root), null, 2)}\n`;
  }
}

/** These are set, each with a secret of its own; what is generated is ready to run. */
const withSecret: readonly string[] = ['auth.jwt.hmacSecret', 'api.keys'];

function entryOf(node: ConfigNode, parentActive: boolean, secret: () => string): Entry {
  const { key, name, description } = node;
  if (node.kind === 'map') {
    const [item] = node.children as [ConfigNode];
    if (key === 'channels') {
      return { name, description, value: undefined, children: [channelEntry(item, secret)], active: true };
    }
    const example = { ...entryOf(item, false, secret), name: exampleNames[key] ?? 'name' };
    return { name, description, value: undefined, children: [example], active: parentActive };
  }
  const chosen = withSecret.includes(key);
  if (node.kind === 'section') {
    const active = parentActive && (!node.optional || withSecret.some((path) => path.startsWith(`${key}.`)));
    const children = node.children.map((child) => entryOf(child, active, secret));
    return { name, description, value: undefined, children, active };
  }
  const has = chosen || node.default !== undefined;
  return { name, description, value: valueOf(node, chosen, secret), children: undefined, active: parentActive && has };
}

function channelEntry(options: ConfigNode, secret: () => string): Entry {
  const within = (node: ConfigNode): Entry => {
    if (node.kind === 'section') {
      const { name, description } = node;
      return { name, description, value: undefined, children: node.children.map(within), active: true };
    }
    const chosen = exampleChannel[node.path.slice(2).join('.')];
    return { ...entryOf(node, true, secret), ...(chosen !== undefined && { value: chosen }) };
  };
  const description = 'An example: rooms for everybody who is logged in, with what was said during the last day.';
  return { ...within(options), name: examplePattern, description };
}

function valueOf(node: ConfigNode, chosen: boolean, secret: () => string): unknown {
  if (chosen) return node.kind === 'list' ? [secret()] : secret();
  if (node.default === undefined) return examples[node.key] ?? examples[node.name] ?? (node.secret ? secret() : '…');
  return node.kind === 'duration' || node.kind === 'size'
    ? formatValue(node, node.default).replaceAll('"', '')
    : node.default;
}

function yamlLines(entries: readonly Entry[], indent: string): string[] {
  return entries.flatMap(({ name, description, value, children, active }) => {
    const mark = active ? '' : '#';
    const written = `${indent}${mark}${scalar(name)}:`;
    const comment = description === undefined ? [] : [`${indent}# ${description}`];
    const gap = indent === '' ? [''] : [];
    if (children !== undefined) return [...gap, ...comment, written, ...yamlLines(children, `${indent}  `)];
    return [
      ...gap,
      ...comment,
      `${written} ${Array.isArray(value) ? `[${value.map(scalar).join(', ')}]` : scalar(value)}`,
    ];
  });
}

/** One line of YAML, quoted if it must be. */
function scalar(value: unknown): string {
  const inBraces = typeof value === 'object' && value !== null;
  if (inBraces || (typeof value === 'string' && /[\n"]/.test(value))) return JSON.stringify(value);
  return stringify(value, { lineWidth: 0 }).trimEnd();
}

function tsLines(entries: readonly Entry[], indent: string): string[] {
  return entries.flatMap(({ name, description, value, children, active }) => {
    const mark = active ? '' : '// ';
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : tsValue(name);
    const comment = description === undefined ? [] : [`${indent}// ${description}`];
    if (children === undefined) return [...comment, `${indent}${mark}${key}: ${tsValue(value)},`];
    const inner = tsLines(children, `${indent}  `);
    return [...comment, `${indent}${mark}${key}: {`, ...inner, `${indent}${mark}},`];
  });
}

function tsValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tsValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return typeof value === 'string'
    ? `'${JSON.stringify(value).slice(1, -1).replaceAll("'", "\\'").replaceAll('\\"', '"')}'`
    : String(value);
}

function plain(entries: readonly Entry[]): Record<string, unknown> {
  const active = entries.filter((entry) => entry.active);
  return Object.fromEntries(
    active.map(({ name, value, children }) => [name, children === undefined ? value : plain(children)]),
  );
}
