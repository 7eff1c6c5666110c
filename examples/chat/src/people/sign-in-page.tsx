/** The first page: who one is. A name is enough, and the same name is the same person. */
import { useState, type FormEvent, type ReactNode } from 'react';
import { Glyph } from '../shell/glyph.tsx';
import { useWords } from '../words/use-words.ts';
import { forgetPerson, keepPerson, rememberedPeople, type Person } from './identity.ts';
import { SmallAvatar } from './small-avatar.tsx';
import { renewToken, signIn, SignInError, type SignedIn } from './sign-in.ts';

/** People of the seeded rooms, `examples/chat/seed/people.jsonl`. */
const team = ['Mira Lindqvist', 'Noor Haddad', 'Tomás Ferreira', 'Yuki Tanaka', 'Amara Okafor', 'Leo Brandt'];

export function SignInPage({ onSignedIn }: { readonly onSignedIn: (person: Person) => void }): ReactNode {
  const words = useWords();
  const [remembered, setRemembered] = useState(rememberedPeople);
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  const enter = async (ask: () => Promise<SignedIn>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { user, name: known } = await ask();
      keepPerson({ user, name: known });
      onSignedIn({ user, name: known });
    } catch (error) {
      setProblem(error instanceof SignInError ? error.message : words.unreachable);
      setBusy(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '') void enter(() => signIn(name));
  };
  const forget = ({ user }: Person): void => {
    forgetPerson(user);
    setRemembered(rememberedPeople());
  };
  const others = team.filter((one) => !remembered.some((person) => person.name === one));

  return (
    <main className="app-sign-in">
      <div className="app-sign-in-card">
        <span className="app-logo">
          <Glyph name="logo" />
        </span>
        <h1>{words.welcome}</h1>
        <p className="app-quiet">{words.welcomeText}</p>
        {remembered.length > 0 && (
          <ul className="app-remembered">
            {remembered.map((person) => (
              <li key={person.user}>
                <button
                  type="button"
                  className="app-person-button"
                  disabled={busy}
                  onClick={() => void enter(() => signInAgain(person))}
                >
                  <SmallAvatar id={person.user} name={person.name} />
                  {words.continueAs(person.name)}
                </button>
                <button
                  type="button"
                  className="app-icon-button"
                  aria-label={words.forget(person.name)}
                  title={words.forget(person.name)}
                  onClick={() => forget(person)}
                >
                  ×
                </button>
              </li>
            ))}
          </ul>
        )}
        <form className="app-sign-in-form" onSubmit={submit}>
          <label htmlFor="name">{words.yourName}</label>
          <div className="app-field-row">
            <input
              id="name"
              name="name"
              className="app-input"
              value={name}
              maxLength={64}
              autoComplete="nickname"
              autoFocus
              dir="auto"
              onChange={(event) => setName(event.target.value)}
            />
            <button type="submit" className="app-button app-button-primary" disabled={busy || name.trim() === ''}>
              {busy ? words.signingIn : words.signIn}
            </button>
          </div>
          <p className="app-problem" role="alert">
            {problem}
          </p>
        </form>
        <h2 className="app-sign-in-or">{words.orBe}</h2>
        <ul className="app-team">
          {others.map((one) => (
            <li key={one}>
              <button type="button" className="app-chip" disabled={busy} onClick={() => void enter(() => signIn(one))}>
                <SmallAvatar id={one} name={one} />
                {one}
              </button>
            </li>
          ))}
        </ul>
        <p className="app-hint">{words.severalWindows}</p>
      </div>
    </main>
  );
}

/** By id, for the name may have changed; by name, if the server began anew since. */
async function signInAgain({ user, name }: Person): Promise<SignedIn> {
  try {
    return await renewToken(user);
  } catch (error) {
    if (error instanceof SignInError && error.status === 404) return signIn(name);
    throw error;
  }
}
