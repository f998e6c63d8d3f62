/*
 * second.js - bodies for platforms against what a second implementation writes.
 *
 *	ECAPI_ORACLES=DIR node second.js EVENTS FAILED REQUESTS...
 *
 * EVENTS are those of generate.js, FAILED objects with destination, id and reason, REQUESTS
 * objects with platform, query and body, the text of an accepted request.  A destination has
 * its platform's name.
 *
 * The second implementation is the action destinations of Segment, which run offline: they
 * are given a request that only keeps what it is asked to send.  A platform's file,
 * second_NAME.js, exports
 *
 *	name, destination	the platform's, here and at Segment
 *	call(event)			how somebody would have the event sent by Segment: { action, data }
 *	events(body, query)	the events of a body, each with what stands around it in the request
 *	key(event)			what tells events apart: the same of a generated one and ...
 *	keyOf(sent)			... of one that was sent
 *	unsent				[{ when(event), reason, why }]: events that do not leave; reason is that
 *						of failed_event, or undefined of what is filtered or not asked for
 *	intended			[{ at, why, ours(event, theirs) }]: differences, in the order in which
 *						they are made: what ours has at a path such as "user.email", or at several
 *	keys				keys that have to be met in what was sent
 *	victim(sent)		whether an event has what mutations change
 *	mutations			{ what: change(sent) } that have to be found
 *
 * Each row of unsent and of intended has to be met at least once, so that none is stale.
 */
'use strict';

const fs = require('fs');
const { copy, differences, done, isObject, list, load, read, result } = require('./lines.js');

const same = (a, b) => differences(a, b, '').length === 0;

/* ---- intended differences ---- */

/* The object at a path but its last name, made where it is not, and that name. */
function placeOf(value, path)
{
	const names = path.split('.');
	const last = names.pop();

	for (const name of names)
		value = value[name] ??= {};
	return [value, last];
}

const at = (value, path) => path.split('.').reduce((member, name) => member?.[name], value);

/* What ours should be: theirs with all that is intended.  Rows that change it go into met. */
function intend(platform, event, theirs, met)
{
	const made = copy(theirs);

	for (const row of platform.intended)
		for (const path of list(row.at))
		{
			const old = at(made, path);
			const value = row.ours(event, old);

			if (same(old, value))
				continue;
			const [object, name] = placeOf(made, path);

			met.add(row);
			if (value === undefined)
				delete object[name];
			else
				object[name] = value;
		}
	return copy(made);
}

/* ---- the second implementation ---- */

const implementation = (name) => load(`@segment/action-destinations/dist/destinations/${name}`).default;

/* The events of the body that it would send; or throws what it does. */
async function theirsOf(platform, event)
{
	const { action, data } = platform.call(event);
	const sent = [];
	const request = async (url, options) => {
		sent.push([copy(options.json), Object.fromEntries(new URL(url).searchParams)]);
		return { status: 200, data: {} };
	};

	await implementation(platform.destination).actions[action].perform(request, { auth: {}, ...data });
	return platform.events(...sent[0]);
}

/* ---- a platform ---- */

const keysOf = (value) => (isObject(value) ? Object.entries(value).flatMap(([key, member]) =>
	(Array.isArray(value) ? keysOf(member) : [key, ...keysOf(member)])) : []);

/* Which events came, each once, and why others did not. */
function checkSent(platform, events, ours, failed)
{
	const { name } = platform;
	const reasons = new Map(failed.filter((row) => row.destination === name).map((row) => [row.id, row.reason]));
	const met = new Set();
	const wrong = [];
	const expected = [];

	for (const event of events)
	{
		const row = platform.unsent.find(({ when }) => when(event));

		met.add(row);
		if (row === undefined)
			expected.push(event);
		if (ours.has(platform.key(event)) !== (row === undefined))
			wrong.push(`${event.id}: ${row ? `it came, against: ${row.why}` : 'it did not come'}`);
		if (reasons.get(event.id) !== row?.reason)
			wrong.push(`${event.id}: failed for "${reasons.get(event.id)}", expected "${row?.reason}"`);
	}
	result(`${name}: ${expected.length} of ${events.length} events came, and others for their reasons did not`, wrong);
	result(`${name}: each reason was met`, platform.unsent.filter((row) => !met.has(row)).map((row) => row.why));
	return expected;
}

function receive(platform, requests)
{
	const ours = new Map();
	const twice = [];

	for (const row of requests.filter((one) => one.platform === platform.name))
		for (const sent of platform.events(JSON.parse(row.body), row.query))
		{
			if (ours.has(platform.keyOf(sent)))
				twice.push(platform.keyOf(sent));
			ours.set(platform.keyOf(sent), sent);
		}
	result(`${platform.name}: no event came twice`, twice);
	return ours;
}

async function check(platform, events, requests, failed)
{
	const { name } = platform;
	const ours = receive(platform, requests);
	const expected = checkSent(platform, events, ours, failed)
		.filter((event) => ours.has(platform.key(event)));
	const wanted = new Map();
	const met = new Set();
	const against = [];
	const compare = (event, sent) => differences(wanted.get(event), sent, event.id);

	for (const event of expected)
	{
		try
		{
			wanted.set(event, intend(platform, event, (await theirsOf(platform, event))[0], met));
			against.push(...compare(event, ours.get(platform.key(event))));
		}
		catch (error)
		{
			against.push(`${event.id}: ${error.message}`);
		}
	}
	result(`${name}: ${expected.length} events are what the second implementation writes, but for ` +
		`${platform.intended.length} differences`, against);
	result(`${name}: each of these differences was met`,
		platform.intended.filter((row) => !met.has(row)).map((row) => `${row.at}: ${row.why}`));

	const keys = new Set([...ours.values()].flatMap(keysOf));

	result(`${name}: all keys that events can have were met`, platform.keys.filter((key) => !keys.has(key)));

	const victim = expected.find((event) => platform.victim(ours.get(platform.key(event))));

	for (const [what, change] of Object.entries(platform.mutations))
	{
		const changed = victim && copy(ours.get(platform.key(victim)));

		if (changed)
			change(changed);
		result(`${name}: ${what} would be found`, changed && compare(victim, changed).length > 0 ? [] : ['it is not']);
	}
}

async function main()
{
	const [eventsFile, failedFile, ...requestFiles] = process.argv.slice(2);
	const events = read(eventsFile).filter((event) => event.id.startsWith('g-'));
	const failed = read(failedFile).filter((row) => row.id.startsWith('g-'));
	const requests = requestFiles.flatMap(read);
	const names = [...new Set(requests.map((row) => row.platform))];
	const files = fs.readdirSync(__dirname).filter((file) => /^second_\w+\.js$/.test(file));

	for (const file of files)
	{
		const platform = require(`./${file}`);

		if (names.includes(platform.name))
			await check(platform, events, requests, failed);
	}
	done();
}

main();
