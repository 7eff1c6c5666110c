/** The reference page `docs/configuration.md`, made from the schema; a test holds the two together. */
import { configTree, describeConfig, formatValue, type ConfigNode } from '@tidings/server';

const intro = `# Configuration

This page is made by \`tidings gen-config --docs\`; it lists every key.

## Where it comes from

From the strongest to the weakest:

1. Options of the command line (\`--port\`, \`--host\`).
2. Environment variables. Every key has one, named after it: \`listen.port\` is \`TIDINGS_LISTEN_PORT\`. Lists are separated by commas; sections with names of your choice, such as \`channels\`, are JSON. An empty variable counts as unset; an unknown one that begins with \`TIDINGS_\` is an error.
3. A file: \`tidings.config.ts\`, \`.js\`, \`.mjs\`, \`.json\`, \`.yaml\` or \`.yml\` in the working directory, or the one named by \`--config\`. A module exports the configuration as \`config\` or as the default.
4. The defaults below.

In a text of a file, \`\${NAME}\` stands for the environment variable \`NAME\`, so that secrets need not be in the file; \`$\${\` stands for \`\${\` itself. Durations are written \`250ms\`, \`25s\`, \`5m\`, \`2h\` or \`7d\`, sizes \`512B\`, \`64KB\` or \`1MB\`; bare numbers are milliseconds and bytes.

- \`tidings gen-config > tidings.config.yaml\` writes a complete file with comments and random secrets.
- \`tidings check-config\` says what is wrong with a configuration and where, and who may do what.
- SIGHUP makes a running server read its configuration again. If there is a problem, the old one stays in force. Changes of \`mode\`, \`dataDir\`, \`listen\`, \`internal\`, \`transports\`, \`events\` and \`metrics\` wait for a restart; certificates are read again.

## Development mode

\`mode: development\` (that is, \`tidings dev\`) lets anybody connect, opens every channel whose name has no colon, and lets users of chat find each other by name. What a configuration says holds over that. It is refused on any address that others can reach.

## Channels

A channel has the options of the most specific pattern that matches its name: the one with more literal characters, then one without a star. \`{name}\` takes one or more characters but no colon; \`*\`, at the end only, takes any rest. A channel that no pattern matches does not exist (error 102). Two patterns that match the same channel while neither is more specific are an error.

\`\`\`yaml
channels:
  news:
    allow: { subscribe: anyone }
  room:{id}:
    allow: { subscribe: authenticated, publish: subscribers, history: subscribers }
    history: { size: 100, ttl: 1d }
    recovery: on-request
\`\`\`

\`nobody\`, \`subscribers\` (of the channel), \`authenticated\` (users, not anonymous ones) and \`anyone\` say who may, or a [rule](rules.md) does; a subscription token, a hook and the server API grant on top. Of \`off\`, \`on-request\` and \`always\`, the middle one leaves it to the client.
`;

/** The whole page, in Markdown. */
export function configurationPage(): string {
  const sections = configTree.children.filter((node) => node.children.length > 0);
  const single = configTree.children.filter((node) => node.children.length === 0);
  return [
    intro,
    '## Keys',
    '',
    keyList(single),
    ...sections.flatMap((node) => [
      `### ${node.key}`,
      '',
      `${node.description ?? ''}${variables(node)}`.trim(),
      '',
      keyList(leavesOf(node)),
    ]),
  ].join('\n');
}

/** What stands under a name of the operator's choice is said with the section around it, unless it has keys of its own. */
function leavesOf(node: ConfigNode): ConfigNode[] {
  return describeConfig(node).filter((leaf) => leaf !== node && leaf.description !== undefined);
}

function keyList(nodes: readonly ConfigNode[]): string {
  return `${nodes.map(keyLine).join('\n')}\n`;
}

/** A list, not a table: five columns would not fit on any screen. */
function keyLine(node: ConfigNode): string {
  const facts = [
    // A star in Markdown begins an emphasis.
    node.type.replace(/^an? (duration|size) such as .*/, 'a $1').replaceAll('*', '\\*'),
    ...(node.default === undefined ? [] : [`default \`${formatValue(node, node.default)}\``]),
    ...node.env.map((name) => `\`${name}\``),
  ];
  return `- \`${node.key}\`: ${node.description ?? ''}<br>${facts.join(' · ')}`;
}

function variables({ env }: ConfigNode): string {
  return env.length === 0 ? '' : ` As an environment variable, \`${env.join('`, `')}\`, it is JSON.`;
}
