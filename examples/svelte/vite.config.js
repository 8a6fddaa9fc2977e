import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The server of `npm start` in the repository's root; its page/config.json tells this machine the key.
const server = 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  server: { proxy: { '/v1': server, '/page': { target: server, changeOrigin: true } } },
});
