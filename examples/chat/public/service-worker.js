/**
 * Keeps the files of the page on the device, so that it opens without a network; what is in it comes from the client's own
 * cache. The page itself is asked for anew each time; its files have their contents in their names.
 */
const cacheName = 'tidings-chat';
const home = new URL('./', self.location.href).href;
const ownFiles = ['icon.svg', 'before-paint.js'].map((name) => new URL(name, home).href);

self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(fetch(home).then(remember));
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = request.url.split(/[?#]/, 1)[0];
  if (request.mode === 'navigate' && url === home) event.respondWith(fromServerFirst(event));
  else if (ownFiles.includes(url) || url.startsWith(`${home}assets/`)) event.respondWith(fromDeviceFirst(request));
});

async function fromServerFirst(event) {
  try {
    const response = await fetch(event.request);
    if (response.ok) event.waitUntil(remember(response.clone()));
    return response;
  } catch (error) {
    const kept = await caches.match(home, { cacheName });
    if (kept) return kept;
    throw error;
  }
}

async function fromDeviceFirst(request) {
  return (await caches.match(request, { cacheName })) ?? fetch(request);
}

/** Keeps a page with its files, and none of what an earlier one needed. */
async function remember(page) {
  const html = await page.clone().text();
  const named = Array.from(html.matchAll(/(?:src|href)="(\.\/[^"]+)"/g), ([, path]) => new URL(path, home).href);
  const wanted = [...new Set([...named, ...ownFiles])];
  const cache = await caches.open(cacheName);
  for (const url of wanted) if (!(await cache.match(url))) await cache.add(url);
  await cache.put(home, page);
  for (const { url } of await cache.keys()) if (url !== home && !wanted.includes(url)) await cache.delete(url);
}
