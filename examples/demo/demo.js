/**
 * The demo page: one chat room on the `centrifuge` SDK, without a framework or a build step.
 *
 * What it shows: publications with history and recovery, presence with join and leave, an ephemeral signal (typing) on a
 * channel of its own, and what a reconnect looks like. Names of people and texts of messages come from strangers, so
 * everything is set with `textContent`.
 */
const room = 'lobby';
const typingShownMs = 3_000;
const typingEveryMs = 2_000;
const historySize = 50;
const shownAtMost = 500;

const { Centrifuge } = globalThis;
const $ = (id) => document.getElementById(id);

// ── Who I am ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const adjectives = [
  'Brave',
  'Calm',
  'Clever',
  'Gentle',
  'Happy',
  'Jolly',
  'Kind',
  'Lucky',
  'Merry',
  'Quick',
  'Sunny',
  'Witty',
];
const animals = [
  'Badger',
  'Dolphin',
  'Falcon',
  'Fox',
  'Heron',
  'Koala',
  'Lynx',
  'Otter',
  'Panda',
  'Robin',
  'Seal',
  'Turtle',
];
const any = (list) => list[Math.floor(Math.random() * list.length)];

// Of this window alone, so that two windows are two people.
let myName = sessionStorage.getItem('name') ?? `${any(adjectives)} ${any(animals)}`;
sessionStorage.setItem('name', myName);
const myMessages = new Set(JSON.parse(sessionStorage.getItem('sent') ?? '[]'));

function nameOf(info) {
  const name = info?.connInfo?.name;
  if (typeof name === 'string' && name.trim() !== '') return name.slice(0, 32);
  return info ? `Guest ${info.client.slice(0, 4)}` : 'Server';
}

/** Not `crypto.randomUUID`: that is missing on pages of a plain http address in the local network. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function avatarOf(name) {
  const avatar = element('span', 'avatar', name.slice(0, 1).toUpperCase());
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 3_600;
  // Steps of the golden angle: names that differ little get colours that differ much.
  avatar.style.setProperty('--hue', String(Math.round(hash * 137.5) % 360));
  avatar.ariaHidden = 'true';
  return avatar;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// ── Connection ───────────────────────────────────────────────────────────────────────────────────────────────────────

const endpoints = [
  { transport: 'websocket', endpoint: `${location.origin.replace(/^http/, 'ws')}/connection/websocket` },
  { transport: 'http_stream', endpoint: `${location.origin}/connection/http_stream` },
  { transport: 'sse', endpoint: `${location.origin}/connection/sse` },
];
// `?transport=sse` shows the page on that transport; without it the first that passes the network is used.
const wanted = new URLSearchParams(location.search).get('transport');
const chosen = endpoints.filter(({ transport }) => transport === wanted);

const client = new Centrifuge(chosen.length > 0 ? chosen : endpoints, {
  emulationEndpoint: `${location.origin}/emulation`,
  data: { name: myName },
  name: 'demo',
  minReconnectDelay: 200,
  maxReconnectDelay: 2_000,
});
const chat = client.newSubscription(room, { recoverable: true, positioned: true, joinLeave: true });
const typing = client.newSubscription(`${room}.typing`);

let wasConnected = false;
let myClientId;

client.on('state', ({ newState }) => {
  $('status').dataset.state = newState;
  $('status').textContent = { connected: 'Connected', connecting: 'Connecting', disconnected: 'Offline' }[newState];
});
client.on('connected', ({ client: id, transport }) => {
  wasConnected = true;
  myClientId = id;
  $('transport').textContent = transport;
});
client.on('connecting', () => {
  if (wasConnected) banner('wait', 'Connection lost. Trying to get back; you can go on writing.');
});
client.on('disconnected', ({ code, reason }) => {
  if (!renaming) banner('problem', `Disconnected: ${reason} (${code}).`, { offerConnect: true });
});

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Shown messages in order. Those of mine that the server has not confirmed have no offset and stand last. */
const shown = [];
let epoch;
let received = 0;

chat.on('subscribed', async ({ wasRecovering, recovered, streamPosition }) => {
  const returned = banner.visible;
  const sameStream = epoch === streamPosition?.epoch;
  epoch = streamPosition?.epoch;
  showPosition(streamPosition?.offset);
  void refreshPeople();
  if (wasRecovering && recovered) {
    if (returned) banner('good', 'Back again. Nothing was missed.', { forMs: 3_000 });
    return;
  }
  if (wasRecovering) {
    banner('good', 'Back again.', { forMs: 3_000 });
    note(
      sameStream
        ? 'You were away for long: some messages may be missing here.'
        : 'The server has started anew: earlier messages are on this screen only.',
    );
  }
  try {
    const { publications } = await chat.history({ limit: historySize, reverse: true });
    for (const publication of publications.toReversed()) show(publication);
  } catch (error) {
    note(`Earlier messages could not be loaded: ${error.message}`);
  }
});

chat.on('publication', (publication) => {
  received += 1;
  $('received').textContent = String(received);
  show(publication);
  if (publication.info) setTyping(publication.info.client, undefined);
});
chat.on('unsubscribed', ({ code, reason }) => banner('problem', `The room cannot be joined: ${reason} (${code}).`));

/** Puts a publication in its place; one that is there already (history and recovery overlap) stays. */
function show({ data, info, offset }) {
  const id = typeof data?.id === 'string' ? data.id : undefined;
  showPosition(offset);
  if (shown.some((entry) => entry.offset === offset && entry.epoch === epoch && offset !== undefined)) return;

  let entry = id === undefined ? undefined : shown.find((candidate) => candidate.id === id);
  if (entry?.offset !== undefined) return;
  if (entry) {
    shown.splice(shown.indexOf(entry), 1);
    entry.item.classList.remove('pending');
    if (entry.sentAt !== undefined) {
      const tookMs = performance.now() - entry.sentAt;
      $('latency').textContent = tookMs < 10 ? `${tookMs.toFixed(1)} ms` : `${Math.round(tookMs)} ms`;
    }
    entry.fate.replaceChildren('Delivered');
    for (const other of shown) if (other.fate.textContent === 'Delivered') other.fate.replaceChildren();
  } else {
    const text = typeof data?.text === 'string' ? data.text : JSON.stringify(data);
    entry = newEntry({ id, name: nameOf(info), text, at: data?.at, mine: id !== undefined && myMessages.has(id) });
  }
  entry.epoch = epoch;
  entry.offset = offset;
  place(entry);
}

function showPosition(offset = 0) {
  const newest = shown.reduce((top, entry) => (entry.epoch === epoch ? Math.max(top, entry.offset ?? 0) : top), offset);
  $('position').textContent = `offset ${newest}`;
}

function newEntry({ id, name, text, at, mine }) {
  const item = element('li', mine ? 'message mine' : 'message');
  const who = element('span', 'who', mine ? 'You' : name);
  const when = new Date(Number.isFinite(at) ? at : Date.now());
  const time = element('time', '', when.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
  time.dateTime = when.toISOString();
  who.append(time);
  const fate = element('span', 'fate');
  item.append(avatarOf(name), who, element('span', 'bubble', text.slice(0, 4_000)), fate);
  return { id, item, fate, author: mine ? '' : name };
}

/** Inserts by offset, before what is not confirmed yet. */
function place(entry) {
  let index = shown.length;
  const goesBefore = (other) =>
    entry.offset !== undefined &&
    (other.offset === undefined || (other.epoch === entry.epoch && other.offset > entry.offset));
  while (index > 0 && goesBefore(shown[index - 1])) index -= 1;
  shown.splice(index, 0, entry);
  $('log').insertBefore(entry.item, shown[index + 1]?.item ?? null);
  if (shown.length > shownAtMost) shown.shift().item.remove();
  for (const at of [index, index + 1]) {
    shown[at]?.item.classList.toggle('follows', at > 0 && shown[at - 1].author === shown[at].author);
  }
  $('empty').hidden = true;
  afterAdding(entry.author === '');
}

function note(text) {
  $('log').append(element('li', 'note', text));
  afterAdding(false);
}

/** Whether the newest message stays in sight: until somebody scrolls up to read. */
let following = true;

function isAtEnd() {
  const scroll = $('scroll');
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
}

function scrollToEnd() {
  $('scroll').scrollTop = $('scroll').scrollHeight;
}

function afterAdding(isMine) {
  if (following || isMine) scrollToEnd();
  else $('newer').hidden = false;
}

async function send(entry, data) {
  entry.item.classList.add('pending');
  entry.fate.replaceChildren('Sending ...');
  try {
    // While the connection is away this waits for it.
    await chat.ready();
    entry.sentAt = performance.now();
    await chat.publish(data);
  } catch (error) {
    // It may have arrived although the answer did not; the same id then shows it once.
    if (entry.offset !== undefined) return;
    const again = element('button', '', 'Try again');
    again.type = 'button';
    again.addEventListener('click', () => void send(entry, data), { once: true });
    entry.fate.replaceChildren(`Not sent (${error.message}).`, again);
  }
}

// ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Name by client id. */
let people = new Map();
let changes = 0;

async function refreshPeople() {
  const before = changes;
  try {
    const { clients } = await chat.presence();
    // Somebody came or went while the answer was on its way.
    if (changes !== before) return void refreshPeople();
    people = new Map(Object.values(clients).map((info) => [info.client, nameOf(info)]));
    showPeople();
  } catch {
    // The connection went away: asked again when it is back.
  }
}

chat.on('join', ({ info }) => {
  changes += 1;
  people.set(info.client, nameOf(info));
  showPeople();
});
chat.on('leave', ({ info }) => {
  changes += 1;
  people.delete(info.client);
  setTyping(info.client, undefined);
  showPeople();
});

function showPeople() {
  const isMe = ([id]) => id === myClientId;
  const sorted = [...people].sort((a, b) => isMe(b) - isMe(a) || a[1].localeCompare(b[1]));
  $('count').textContent = String(sorted.length);
  $('here').replaceChildren(
    ...sorted.map((person) => {
      const item = document.createElement('li');
      item.append(avatarOf(person[1]), element('span', 'name', person[1]));
      if (isMe(person)) item.append(element('span', 'you', 'you'));
      return item;
    }),
  );
}

// ── Typing ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Name and timer by client id. */
const writers = new Map();
let signalledAt = -Infinity;

typing.on('publication', ({ info, data }) => {
  if (info && info.client !== myClientId) setTyping(info.client, data?.typing ? nameOf(info) : undefined);
});

function setTyping(id, name) {
  clearTimeout(writers.get(id)?.timer);
  writers.delete(id);
  if (name !== undefined) writers.set(id, { name, timer: setTimeout(() => setTyping(id, undefined), typingShownMs) });
  const names = [...writers.values()].map((writer) => writer.name);
  $('typing').textContent =
    names.length === 0
      ? ''
      : names.length > 2
        ? 'Several people are typing ...'
        : `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing ...`;
}

function signalTyping(isTyping) {
  const now = performance.now();
  if (client.state !== 'connected' || (isTyping && now - signalledAt < typingEveryMs)) return;
  if (!isTyping && signalledAt === -Infinity) return;
  signalledAt = isTyping ? now : -Infinity;
  typing.publish({ typing: isTyping }).catch(() => {
    // A signal that is lost is not worth a word.
  });
}

// ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────────────

let renaming = false;

function banner(kind, text, { forMs, offerConnect = false } = {}) {
  clearTimeout(banner.timer);
  banner.visible = kind !== 'good';
  $('banner').hidden = false;
  $('banner').dataset.kind = kind;
  $('banner-text').textContent = text;
  $('banner-action').hidden = !offerConnect;
  if (forMs !== undefined) banner.timer = setTimeout(() => ($('banner').hidden = true), forMs);
}
banner.visible = false;

$('banner-action').addEventListener('click', () => client.connect());

$('compose').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('text').value.trim();
  if (text === '') return;
  $('text').value = '';
  signalTyping(false);
  const data = { id: newId(), text, at: Date.now() };
  myMessages.add(data.id);
  sessionStorage.setItem('sent', JSON.stringify([...myMessages].slice(-historySize)));
  const entry = newEntry({ id: data.id, name: myName, text, at: data.at, mine: true });
  place(entry);
  void send(entry, data);
});
$('text').addEventListener('input', () => signalTyping($('text').value !== ''));

$('name').value = myName;
$('name').addEventListener('input', () => {
  const name = $('name').value.trim();
  $('rename').disabled = name === '' || name === myName;
});
$('me').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = $('name').value.trim();
  if (name === '' || name === myName) return;
  myName = name;
  sessionStorage.setItem('name', myName);
  $('rename').disabled = true;
  // A name belongs to a connection, so a new name is a new connection; recovery makes the seam invisible.
  renaming = true;
  client.setData({ name: myName });
  client.disconnect();
  renaming = false;
  wasConnected = false;
  client.connect();
});

$('newer').addEventListener('click', () => scrollToEnd());
$('scroll').addEventListener('scroll', () => {
  following = isAtEnd();
  if (following) $('newer').hidden = true;
});
new ResizeObserver(() => following && scrollToEnd()).observe($('scroll'));

$('room-name').textContent = room;
$('second').href = location.pathname + location.search;
$('inside').open = matchMedia('(min-width: 721px) and (min-height: 700px)').matches;
$('curl').textContent = [
  `curl ${location.origin}/api/publish`,
  `-d '${JSON.stringify({ channel: room, data: { text: 'Hello from the terminal' } })}'`,
].join(' \\\n  ');
$('copy').addEventListener('click', () => void copyCommand());

async function copyCommand() {
  try {
    await navigator.clipboard.writeText($('curl').textContent);
    $('copy').textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren($('curl'));
    $('copy').textContent = 'Selected';
  }
  setTimeout(() => ($('copy').textContent = 'Copy'), 2_000);
}

chat.subscribe();
typing.subscribe();
client.connect();
