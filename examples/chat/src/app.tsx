/** The app from its outside: who is signed in, in which language, and the client that everything below uses. */
import { useCallback, useEffect, useState, type ReactNode } from 'react';
import { TidingsProvider, useStore } from '@tidings/react';
import type { TidingsClient } from '@tidings/client';
import { currentPerson, leavePerson, type Person } from './people/identity.ts';
import { SignInPage } from './people/sign-in-page.tsx';
import type { AppearanceStore } from './shell/appearance.ts';
import type { Router } from './shell/route.ts';
import { Workspace } from './shell/workspace.tsx';
import { connect } from './connect.ts';
import { arabic, arabicLabels } from './words/arabic.ts';
import { english } from './words/english.ts';
import { localeFor } from './words/locale-for.ts';
import { WordsContext } from './words/use-words.ts';

export interface AppProps {
  readonly router: Router;
  readonly appearance: AppearanceStore;
}

export function App({ router, appearance }: AppProps): ReactNode {
  const { language } = useStore(appearance.store);
  const [person, setPerson] = useState(currentPerson);
  const leave = useCallback(() => {
    leavePerson();
    router.go({}, 'replace');
    setPerson(undefined);
  }, [router]);
  return (
    <WordsContext.Provider value={language === 'ar' ? arabic : english}>
      {person === undefined ? (
        <SignInPage onSignedIn={setPerson} />
      ) : (
        <SignedInApp key={person.user} person={person} leave={leave} router={router} appearance={appearance} />
      )}
    </WordsContext.Provider>
  );
}

interface SignedInAppProps extends AppProps {
  readonly person: Person;
  readonly leave: () => void;
}

function SignedInApp({ person, leave, router, appearance }: SignedInAppProps): ReactNode {
  const { language } = useStore(appearance.store);
  const [client, setClient] = useState<TidingsClient>();
  useEffect(() => {
    const opened = connect(person.user, leave);
    setClient(opened);
    return () => void opened.close();
  }, [person.user, leave]);
  if (client === undefined) return null;
  return (
    <TidingsProvider
      client={client}
      locale={localeFor(language, navigator.languages)}
      {...(language === 'ar' && { labels: arabicLabels })}
    >
      <Workspace router={router} appearance={appearance} person={person} switchPerson={leave} />
    </TidingsProvider>
  );
}
