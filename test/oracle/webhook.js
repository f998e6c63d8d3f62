/*
 * webhook.js - signatures of webhooks against the libraries that receivers use.
 *
 *	ECAPI_ORACLES=DIR node webhook.js EXPECTED REQUESTS
 *
 * EXPECTED has one object: { keys: the secrets that signed, ids: the events that should have
 * come to each first segment of a path }.  REQUESTS are objects with path, time_us, headers
 * (names in lower case) and body.
 *
 * "whsec_" keys are checked by standardwebhooks and svix, of which the second calls the
 * first, so by HMAC of node itself, too; "whsk_" keys (Ed25519), which neither knows, by
 * node alone.
 */
'use strict';

const crypto = require('crypto');
const { pathToFileURL } = require('url');
const { differences, done, load, read, result } = require('./lines.js');

/* The libraries refuse what was signed that many seconds ago, or will be. */
const TOLERANCE = 300;

/* The DER before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

const signed = (row) => `${row.headers['webhook-id']}.${row.headers['webhook-timestamp']}.${row.body}`;
const bytes = (key) => Buffer.from(key.slice(key.indexOf('_') + 1), 'base64');
const signatures = (row, version) => row.headers['webhook-signature'].split(' ')
	.filter((one) => one.startsWith(`${version},`)).map((one) => one.slice(version.length + 1));

function byNode(key, row)
{
	if (key.startsWith('whsec_'))
	{
		const hmac = crypto.createHmac('sha256', bytes(key)).update(signed(row)).digest('base64');

		return signatures(row, 'v1').includes(hmac);
	}
	const secret = crypto.createPrivateKey({ format: 'der', type: 'pkcs8',
		key: Buffer.concat([PKCS8_ED25519, bytes(key).subarray(0, 32)]) });

	return signatures(row, 'v1a').some((one) => crypto.verify(null, Buffer.from(signed(row)),
		crypto.createPublicKey(secret), Buffer.from(one, 'base64')));
}

/* Call a function as if it were that time, in milliseconds. */
function at(time, call)
{
	const now = Date.now;

	Date.now = () => time;
	try
	{
		return call();
	}
	finally
	{
		Date.now = now;
	}
}

/* Ways to verify: { name: whether a key of theirs signed a row, later by seconds }. */
function waysOf(standard, svix)
{
	const by = (Webhook, headers) => (key, row, later) => at(row.time_us / 1000 + later * 1000, () => {
		try
		{
			new Webhook(key).verify(row.body, headers(row.headers));
			return true;
		}
		catch (error)
		{
			return false;
		}
	});
	const named = (prefix) => (headers) => Object.fromEntries(['id', 'timestamp', 'signature']
		.map((name) => [`${prefix}-${name}`, headers[`webhook-${name}`]]));

	return { standardwebhooks: by(standard.Webhook, named('webhook')), svix: by(svix.Webhook, named('svix')),
		node: byNode };
}

/* A base64 text with one of its bytes changed. */
function other(text)
{
	const changed = Buffer.from(text, 'base64');

	changed[7] ^= 1;
	return changed.toString('base64');
}

const withHeader = (row, name, value) => ({ ...row, headers: { ...row.headers, [name]: value } });
const mutations = {
	'a signature with one byte changed': (row) => withHeader(row, 'webhook-signature',
		row.headers['webhook-signature'].split(' ').map((one) => one.split(','))
			.map(([version, text]) => `${version},${other(text)}`).join(' ')),
	'a body with one byte more': (row) => ({ ...row, body: `${row.body} ` }),
	'another id': (row) => withHeader(row, 'webhook-id', `${row.headers['webhook-id']}0`),
	'another time': (row) => withHeader(row, 'webhook-timestamp', String(Number(row.headers['webhook-timestamp']) + 1))
};

/* What the specification advises for payloads. */
const isPayload = (it) => Object.keys(it).join(' ') === 'type timestamp data' &&
	it.type === `ecapi.${it.data.event_type}` && Date.parse(it.timestamp) === it.data.timestamp * 1000;

function checkContents(rows, ids)
{
	for (const [place, wanted] of Object.entries(ids))
	{
		const mine = rows.filter((row) => row.path.split('/')[1] === place);
		const payloads = mine.flatMap((row) => JSON.parse(row.body));
		const messages = mine.map((row) => row.headers['webhook-id']);

		result(`webhook, ${place}: ${wanted.length} events came, each once`,
			differences([...wanted].sort(), payloads.map((payload) => payload.data.id).sort(), place));
		result(`webhook, ${place}: payloads have type, timestamp and data`,
			payloads.filter((payload) => !isPayload(payload)).map((payload) => payload.data.id));
		result(`webhook, ${place}: ids of messages have no full stop, and are all different`, [
			...messages.filter((id) => !/^[A-Za-z0-9_-]+$/.test(id)),
			...(new Set(messages).size === messages.length ? [] : ['one came twice'])]);
	}
}

async function main()
{
	const [expectedFile, rowsFile] = process.argv.slice(2);
	const { keys, ids } = read(expectedFile)[0];
	const rows = read(rowsFile);
	const ways = waysOf(load('standardwebhooks'), await import(pathToFileURL(load.resolve('svix'))));

	checkContents(rows, ids);
	keys.forEach((key, i) => {
		const mine = key.startsWith('whsec_') ? ways : { node: byNode };
		const sort = key.slice(0, key.indexOf('_'));
		const another = `${sort}_${Buffer.alloc(32, 7).toString('base64')}`;

		for (const [name, verify] of Object.entries(mine))
		{
			const title = `webhook, key ${i + 1} (${sort}), ${name}`;

			result(`${title}: ${rows.length} requests are signed`,
				rows.filter((row) => !verify(key, row, 0)).map((row) => row.headers['webhook-id']));
			for (const [what, change] of Object.entries(mutations))
				result(`${title}: ${what} would be found`, verify(key, change(rows[0]), 0) ? ['it is not'] : []);
			result(`${title}: another key would be found`, verify(another, rows[0], 0) ? ['it is not'] : []);
			if (name !== 'node')
				result(`${title}: what is too old would be found`, verify(key, rows[0], TOLERANCE + 60) ? ['it is not'] : []);
		}
	});
	done();
}

main();
