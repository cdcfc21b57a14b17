// Introspection (RFC 7662) as oidc-provider has it, everything in memory. No limits, no trail, no database.
// node server.js PORT STATE NUMBER

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { Provider } from 'oidc-provider';

const [port, state, number] = process.argv.slice(2);
const secret = randomBytes(16).toString('hex');

const provider = new Provider(`http://localhost:${port}`, {
  clients: [{
    client_id: 'cloud',
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
  },
  scopes: ['callback'],
  ttl: { ClientCredentials: 86400 },
});

const client = await provider.Client.find('cloud');
const tokens = [];
// Its memory holds the newest 1,000 entries.
for (let each = 0; each < Math.min(Number(number), 900); each += 1) {
  tokens.push(await new provider.ClientCredentials({ client, scope: 'callback' }).save());
}

writeFileSync(`${state}/questions.json`, JSON.stringify({
  path: '/token/introspection',
  headers: {
    'Content-Type': 'application/x-www-form-urlencoded',
    Authorization: `Basic ${Buffer.from(`cloud:${secret}`).toString('base64')}`,
  },
  bodies: tokens.map((token) => `token=${token}`),
  refused: {
    forged: Array.from({ length: tokens.length / 20 }, () => `token=${randomBytes(32).toString('base64url')}`),
  },
  right: '"active":true',
  refusal: '"active":false',
}));

provider.listen(Number(port), '127.0.0.1');
