/**
 * Who one is in this window. Each window may be somebody else, so it stands in the session's storage; who was the last
 * one on this device is remembered for the next visit.
 */
export interface Person {
  readonly user: string;
  readonly name: string;
}

const sessionKey = 'tidings-person';
const deviceKey = 'tidings-people';
const maxRemembered = 5;

/** Who is signed in here, also after a reload. */
export function currentPerson(): Person | undefined {
  return parsePerson(read(sessionStorage, sessionKey));
}

/** Who has signed in on this device, the last first. */
export function rememberedPeople(): readonly Person[] {
  const stored = read(localStorage, deviceKey);
  return Array.isArray(stored) ? stored.map(parsePerson).filter((person) => person !== undefined) : [];
}

export function keepPerson(person: Person): void {
  write(sessionStorage, sessionKey, person);
  const others = rememberedPeople().filter(({ user }) => user !== person.user);
  write(localStorage, deviceKey, [person, ...others].slice(0, maxRemembered));
}

/** Nobody is signed in here any more; the device still remembers. */
export function leavePerson(): void {
  sessionStorage.removeItem(sessionKey);
}

export function forgetPerson(user: string): void {
  write(
    localStorage,
    deviceKey,
    rememberedPeople().filter((person) => person.user !== user),
  );
}

function parsePerson(value: unknown): Person | undefined {
  const { user, name } = (value ?? {}) as Partial<Person>;
  return typeof user === 'string' && typeof name === 'string' ? { user, name } : undefined;
}

function read(storage: Storage, key: string): unknown {
  try {
    return JSON.parse(storage.getItem(key) ?? 'null');
  } catch {
    return undefined;
  }
}

function write(storage: Storage, key: string, value: unknown): void {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // A device that keeps nothing asks for the name again.
  }
}
