/** Where the page begins. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '@tidings/react/styles.css';
import './styles/app.css';
import { App } from './app.tsx';
import { AppearanceStore } from './shell/appearance.ts';
import { Router } from './shell/route.ts';

const element = document.getElementById('app');
if (element === null) throw new Error('index.html has no #app');
createRoot(element).render(
  <StrictMode>
    <App router={new Router()} appearance={new AppearanceStore()} />
  </StrictMode>,
);

// So that the page opens without a network; where that is not to be had it works all the same.
navigator.serviceWorker?.register('service-worker.js').catch(() => {});
