/** A small chat on `@tidings/vue`: sign in by a name, rooms, messages, reactions, typing. */
import { createApp } from 'vue';
import App from './app.vue';
import './style.css';

createApp(App).mount('#app');
