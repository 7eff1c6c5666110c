import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { runInProcess, type Outcome } from '../testing/run-command.ts';

const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

/** Runs `tidings rules` in a folder with this configuration. */
async function rules(config: string, ...args: string[]): Promise<Outcome> {
  const cwd = await mkdtemp(join(tmpdir(), 'tidings-rules-'));
  folders.push(cwd);
  await writeFile(join(cwd, 'tidings.config.yaml'), config);
  return runInProcess(['rules', ...args], { cwd });
}

const groups = `
channels:
  'group:{gid}':
    allow:
      subscribe: member(gid, auth.uid) || auth.role == "admin"
      publish: >-
        member(gid, auth.uid) &&
        size(data.text) <= 5
rules:
  auth: { role: string?, level: int? }
  relations:
    member: { from: api, parameters: { gid: string, uid: string } }
    rank: { from: api, parameters: { uid: string, level: int } }
  tests:
`;
const holds = `
    - as: { uid: ann }
      given: { member: [[g1, ann]] }
      expect:
        - { subscribe: 'group:g1', is: allow }
        - { subscribe: 'group:g2', is: deny, because: member }
`;

describe('check', () => {
  test('lists every rule with what it reads', async () => {
    const { code, stdout, stderr } = await rules(groups + holds, 'check');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').slice(1)).toEqual([
      '',
      'group:{gid}',
      '  subscribe  member(gid, auth.uid) || auth.role == "admin"',
      '             reads gid, auth.uid, auth.role; asks member',
      '  publish    member(gid, auth.uid) && size(data.text) <= 5',
      '             reads gid, auth.uid, data.text; asks member',
    ]);
    expect(stdout).toMatch(
      /^ok  .*tidings\.config\.yaml: 2 rules in 1 channel pattern, 2 relations, 0 schemas, 1 test\n/,
    );
  });

  test('points at what is wrong, in a text folded over lines too', async () => {
    const { code, stdout, stderr } = await rules(
      `
channels:
  'group:{gid}':
    allow:
      subscribe: "gid == \\"a\\" && auth.rle == gid"
      publish: >-
        gid == "a" ||
        chanel == "b"
`,
      'check',
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('The configuration has 2 problems:');
    expect(stderr).toContain(
      [
        '  tidings.config.yaml:5:40  channels.group:{gid}.allow.subscribe',
        '      subscribe: "gid == \\"a\\" && auth.rle == gid"',
        `${' '.repeat(39)}^^^`,
        '    found an unknown field "rle" of auth',
      ].join('\n'),
    );
    expect(stderr).toContain(
      [
        '  tidings.config.yaml:8:9  channels.group:{gid}.allow.publish',
        '      chanel == "b"',
        '      ^^^^^^',
        '    found ',
      ].join('\n'),
    );
  });

  test('shows no line of sections that may hold secrets', async () => {
    const { code, stderr } = await rules('auth: { jwt: { hmacSecret: hush-hush, issuer: 5 } }\n', 'check');
    expect(code).toBe(2);
    expect(stderr).toContain('auth.jwt.issuer');
    expect(stderr).not.toContain('hush');
  });

  test('says what is wrong with tests', async () => {
    const wrong = `
    - as: { uid: 7, rol: x }
      given: { membr: [[g1, ann]] }
      now: today
      expect:
        - { subscribe: 'group:g1', publish: 'group:g1', is: allow }
        - { is: allow }
        - { subscribe: 'group:g1', is: invalid }
        - { subscribe: 'group:g1', is: allow, data: 1 }
`;
    const { code, stderr } = await rules(groups + wrong, 'check');
    expect(code).toBe(2);
    for (const problem of [
      'rules.tests[0].as.uid',
      'found 7; valid: a value of type string',
      'rules.tests[0].as.rol',
      'valid: role (did you mean that?)',
      'rules.tests[0].given.membr',
      'rules.tests[0].now',
      'found subscribe and publish; valid: exactly one of',
      'found an expectation without an action',
      'found invalid for subscribe; valid: allow or deny',
      'found data for subscribe with is: allow; valid: only for publish, receive',
    ]) {
      expect(stderr).toContain(problem);
    }
  });

  test('--json, for rules and for problems', async () => {
    const listed = await rules(groups + holds, 'check', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject({
      ok: true,
      channels: [
        {
          pattern: 'group:{gid}',
          rules: [
            { place: 'subscribe', reads: ['gid', 'auth.uid', 'auth.role'], relations: ['member'] },
            { place: 'publish', rule: 'member(gid, auth.uid) && size(data.text) <= 5' },
          ],
        },
      ],
    });
    const wrong = await rules('channels: { news: { allow: { subscribe: nix() } } }', 'check', '--json');
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.stdout)).toMatchObject({
      ok: false,
      problems: [{ key: 'channels.news.allow.subscribe', place: 'tidings.config.yaml:1:41' }],
    });
  });
});

describe('test', () => {
  test('passes where all hold, and marks what was not seen', async () => {
    const { code, stdout } = await rules(groups + holds, 'test');
    expect(code).toBe(0);
    expect(stdout).toBe(`ann, member(g1, ann)
  ok      subscribe group:g1  allow
  ok      subscribe group:g2  deny

2 expectations hold

what the tests have seen of the rules
   83 %  group:{gid}  subscribe
         member(gid, auth.uid) || auth.role == "admin"
                                  ~~~~~~~~~~~~~~~~~~~~ never true
    0 %  group:{gid}  publish    never asked
   41 %  5 of 12 outcomes`);
  });

  test('fails where one does not, and says why', async () => {
    const wrong = `
    - name: strangers
      expect:
        - { subscribe: 'group:g1', is: allow }
        - { subscribe: 'group:g1', is: deny, because: banned }
`;
    const { code, stdout } = await rules(groups + wrong, 'test');
    expect(code).toBe(1);
    expect(stdout).toContain(`strangers
  FAILED  subscribe group:g1  tidings.config.yaml:18:11
          expected allow, got deny: member(gid, auth.uid) is false`);
    expect(stdout).toContain(`

          member(gid, auth.uid) || auth.role == "admin"  false
          ├─ member(gid, auth.uid)                       false
          │  ├─ gid                                      "g1"
          │  └─ auth.uid                                 ""
          └─ auth.role == "admin"                        false
             └─ auth.role                                null
`);
    expect(stdout).toContain('expected deny because of "banned", got deny: member');
    expect(stdout).toContain('2 of 2 expectations failed');
  });

  test('too little coverage is a failure', async () => {
    const outcome = await rules(groups + holds, 'test', '--coverage', '42');
    expect(outcome).toMatchObject({ code: 1, stderr: 'tidings: the tests see 41 % of the rules; 42 % is wanted' });
    expect(await rules(groups + holds, 'test', '--coverage', '41')).toMatchObject({ code: 0, stderr: '' });
  });

  test('a configuration with a problem is told from a test that fails', async () => {
    expect(await rules('channels: { news: { allow: { subscribe: nix() } } }', 'test')).toMatchObject({ code: 2 });
  });

  test('without tests it says where they stand', async () => {
    const { code, stdout } = await rules('channels: { news: { allow: { subscribe: anyone } } }', 'test');
    expect([code, stdout]).toEqual([0, 'There are no tests. They stand under rules.tests; docs/rules.md shows how.\n']);
  });

  test('--json', async () => {
    const { code, stdout } = await rules(groups + holds, 'test', '--json', '--coverage', '50');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      coverage: 41,
      tests: [
        {
          name: 'ann, member(g1, ann)',
          expectations: [
            { ok: true, got: 'allow' },
            { ok: true, got: 'deny' },
          ],
        },
      ],
      rules: [
        {
          place: 'subscribe',
          evaluations: 2,
          conditions: [
            { text: 'member(gid, auth.uid) || auth.role == "admin"', seenTrue: true, seenFalse: true },
            { text: 'member(gid, auth.uid)' },
            { text: 'auth.role == "admin"', seenTrue: false },
          ],
        },
        { place: 'publish', evaluations: 0 },
      ],
    });
  });
});

describe('explain', () => {
  test('a denial: which pattern, which rule, and what every part was', async () => {
    const outcome = await rules(groups + holds, 'explain', '--as', 'ann', 'subscribe', 'group:g2');
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toBe(`deny  subscribe group:g2 as ann

  pattern  group:{gid}, gid = "g2"
  decided  by rule channels["group:{gid}"].allow.subscribe
  because  member(gid, auth.uid) is false, with gid = "g2", auth.uid = "ann" and auth.role == "admin" is false, with auth.role = null

  member(gid, auth.uid) || auth.role == "admin"  false
  ├─ member(gid, auth.uid)                       false
  │  ├─ gid                                      "g2"
  │  └─ auth.uid                                 "ann"
  └─ auth.role == "admin"                        false
     └─ auth.role                                null`);
  });

  test.each([
    ['a claim', ['--claim', 'role=admin', 'subscribe', 'group:g2'], 0],
    ['a fact', ['--given', 'member=g2,ann', 'subscribe', 'group:g2'], 0],
    ['another fact', ['--given', 'member=g1,ann', 'subscribe', 'group:g2'], 1],
    ['a message', ['--given', 'member=g2,ann', '--data', '{"text":"Hi"}', 'publish', 'group:g2'], 0],
    ['another message', ['--given', 'member=g2,ann', '--data', '{"text":"Hello!"}', 'publish', 'group:g2'], 1],
    ['no message', ['--given', 'member=g2,ann', 'publish', 'group:g2'], 1],
    ['a channel that no pattern takes', ['subscribe', 'lobby'], 1],
  ])('takes %s into account', async (_, args, code) => {
    expect(await rules(groups + holds, 'explain', '--as', 'ann', ...args)).toMatchObject({ code, stderr: '' });
  });

  test.each([
    ['--claim', 'level=high', '--claim is "level=high"; valid is JSON'],
    ['--claim', 'level=1.5', '--claim level=1.5: valid is a value of type int?'],
    ['--claim', 'rol=x', 'did you mean role?'],
    ['--claim', 'uid=ann', 'use --as'],
    ['--given', 'membr=g1,ann', 'did you mean member?'],
    ['--given', 'member=g1', 'valid: [gid: string, uid: string]'],
    ['--given', 'rank=ann,high', 'valid: [uid: string, level: int]'],
  ])('refuses %s %s', async (option, value, message) => {
    const { code, stderr } = await rules(groups + holds, 'explain', option, value, 'subscribe', 'group:g1');
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test('an error names the part that failed', async () => {
    const args = ['--as', 'ann', '--given', 'member=g1,ann', '--data', '{}', 'publish', 'group:g1'];
    const { stdout } = await rules(groups + holds, 'explain', ...args);
    expect(stdout).toMatch(/^ {2}├─ member\(gid, auth\.uid\) +true$/m);
    expect(stdout).toMatch(/^ {2}└─ size\(data\.text\) <= 5 +failed$/m);
    expect(stdout).toMatch(/^ {5}└─ size\(data\.text\) +failed$/m);
    expect(stdout).toMatch(/^ {8}└─ data\.text +failed: .*text/m);
  });

  test('a chain of && is shown as one, with what was not evaluated', async () => {
    const config = `channels: { 'c:{a}': { allow: { subscribe: 'a == "1" && a == "2" && a == "3"' } } }`;
    const { stdout } = await rules(config, 'explain', 'subscribe', 'c:1');
    expect(stdout.split('\n').slice(-6)).toEqual([
      '  a == "1" && a == "2" && a == "3"  false',
      '  ├─ a == "1"                       true',
      '  │  └─ a                           "1"',
      '  ├─ a == "2"                       false',
      '  │  └─ a                           "1"',
      '  └─ a == "3"                       not evaluated',
    ]);
  });

  test('--json', async () => {
    const { stdout } = await rules(groups + holds, 'explain', '--json', '--as', 'ann', 'subscribe', 'group:g2');
    expect(JSON.parse(stdout)).toMatchObject({
      is: 'deny',
      as: { uid: 'ann' },
      pattern: 'group:{gid}',
      variables: { gid: 'g2' },
      explanation: { value: 'false', parts: [{ part: 'member(gid, auth.uid)', value: 'false' }, { value: 'false' }] },
    });
  });
});
