/** The words of the app in the language that is chosen. */
import { createContext, useContext } from 'react';
import { english, type Words } from './english.ts';

export const WordsContext = createContext<Words>(english);

export const useWords = (): Words => useContext(WordsContext);
