// The descriptions where they are not served: as unknown as any other route.
import { test } from 'node:test';
import { NO_ROUTE, refused } from '../support/rest.mjs';

test('no description is served', async () => {
  for (const path of ['/docs', '/docs/page.js', '/docs/page.css', '/openapi.json', '/asyncapi.json']) {
    await refused(404, NO_ROUTE, null, 'GET', path);
  }
});
