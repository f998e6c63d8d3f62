/*
 * google.js - bodies for Google's Data Manager API against Google's own messages.
 *
 *	ECAPI_ORACLES=DIR node google.js EXPECTED BODIES
 *
 * EXPECTED has one object: under each first segment of a path the ids of events that should
 * have come there.  BODIES are objects with path and body, the text of an accepted request.
 *
 * The messages are those of @google-ads/datamanager.  Each body is looked at twice: by a
 * walk along them, because protobufjs forgives unknown keys and two members of a one-of,
 * and by proto3-json-serializer, from which it has to come back unchanged after it was a
 * binary message.
 */
'use strict';

const { copy, differences, done, load, read, result } = require('./lines.js');

const protobuf = load('protobufjs');
const { fromProto3JSON, toProto3JSON } = load('proto3-json-serializer');

const PACKAGE = 'google.ads.datamanager.v1';
const REQUEST = `${PACKAGE}.IngestEventsRequest`;
const root = protobuf.Root.fromJSON(load('@google-ads/datamanager/build/protos/protos.json'));
const request = root.lookupType(REQUEST);

/*
 * What the API has and the package (0.3.0, May 2026) does not know, with the version that
 * brought it (release notes of the Data Manager API); only what the format sends.  Each
 * must be met, or its line is of no use.  Numbers of fields are not known, and any will do.
 */
const newer = [
	['AdIdentifiers', 'dclid', 'v1.7'],
	['AdIdentifiers', 'impressionId', 'v1.7'],
	['AddressInfo', 'addressLine', 'v1.8'],
	['AddressInfo', 'city', 'v1.8'],
	['AddressInfo', 'administrativeArea', 'v1.8']
];
const newerWords = [['ProductAccount.AccountType', 'FLOODLIGHT_CONFIG', 'v1.7']];

newer.forEach(([type, name], i) =>
	root.lookupType(`${PACKAGE}.${type}`).add(new protobuf.Field(name, 900 + i, 'string')));
newerWords.forEach(([type, word], i) => root.lookupEnum(`${PACKAGE}.${type}`).add(word, 900 + i));
root.resolveAll();

/* Fields that hold digests, by the encoding of a request. */
const digests = ['emailAddress', 'phoneNumber', 'givenName', 'familyName', 'addressLine'];

/* ---- the walk ---- */

const met = new Set();
const isInstant = (value) => typeof value === 'string' &&
	/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(value) &&
	!Number.isNaN(Date.parse(value));

/* Whether a value is one of a type that is no message, in the mapping to JSON. */
function isScalar(field, value)
{
	switch (field.type)
	{
		case 'string':
			return typeof value === 'string' && (!digests.includes(field.name) || /^[0-9a-f]{64}$/.test(value));
		case 'bool':
			return typeof value === 'boolean';
		case 'double':
			return typeof value === 'number' && Number.isFinite(value);
		case 'int64':
			return Number.isSafeInteger(value) || (typeof value === 'string' && /^-?\d{1,19}$/.test(value));
		default:
			return false;
	}
}

function walkOne(field, value, where)
{
	const type = field.resolvedType;

	if (type === null)
		return isScalar(field, value) ? [] : [`${where}: ${JSON.stringify(value)} is no ${field.type}`];
	if (type instanceof protobuf.Enum)
	{
		met.add(value);
		return typeof value === 'string' && Object.hasOwn(type.values, value) ? [] :
			[`${where}: ${JSON.stringify(value)} is no word`];
	}
	if (type.fullName === '.google.protobuf.Timestamp')
		return isInstant(value) ? [] : [`${where}: ${JSON.stringify(value)} is no time`];
	return walk(type, value, where);
}

function walkField(type, key, value, where)
{
	const field = Object.hasOwn(type.fields, key) ? type.fields[key] : undefined;

	if (field === undefined)
		return [`${where}: unknown to ${type.name}`];
	met.add(`${type.name}.${key}`);
	if (!field.repeated)
		return walkOne(field, value, where);
	if (!Array.isArray(value) || value.length === 0)
		return [`${where}: no list with elements`];
	return value.flatMap((one, i) => walkOne(field, one, `${where}[${i}]`));
}

function walkOneOf(oneOf, value, where)
{
	const there = oneOf.oneof.filter((name) => name in value);

	/* what proto3 calls optional is a one-of of one */
	if (oneOf.oneof.length === 1 || there.length === 1)
		return [];
	return [`${where}: ${there.length} of the one-of ${oneOf.name}: ${there.join(' ')}`];
}

const isRequired = (field) => field.options?.['(google.api.field_behavior)'] === 'REQUIRED';

/* What is wrong with a message in JSON, one text each. */
function walk(type, value, where)
{
	if (value === null || typeof value !== 'object' || Array.isArray(value))
		return [`${where}: no ${type.name}`];
	if (Object.keys(value).length === 0)
		return [`${where}: empty`];
	return [
		...Object.entries(value).flatMap(([key, one]) => walkField(type, key, one, `${where}.${key}`)),
		...type.oneofsArray.flatMap((oneOf) => walkOneOf(oneOf, value, where)),
		...type.fieldsArray.filter((field) => isRequired(field) && !(field.name in value))
			.map((field) => `${where}: lacks ${field.name}`)
	];
}

/* ---- there and back ---- */

/* Whether a member says what its absence says: the 0 of a field that has no presence. */
const isDefault = (field, value) => value === 0 && !field?.options?.proto3_optional;

/* A value in the words that the serializer uses, where the mapping has several. */
function plain(type, value)
{
	const made = {};

	for (const [key, given] of Object.entries(value))
	{
		const field = type.fields[key];

		if (isDefault(field, given))
			continue;

		const one = (it) => {
			if (field?.type === 'int64')
				return String(it);
			if (field?.resolvedType?.fullName === '.google.protobuf.Timestamp')
				return new Date(it).toISOString();
			return field?.resolvedType instanceof protobuf.Type && it !== null && typeof it === 'object' ?
				plain(field.resolvedType, it) : it;
		};

		made[key] = Array.isArray(given) ? given.map(one) : one(given);
	}
	return made;
}

function thereAndBack(body, where)
{
	try
	{
		const message = fromProto3JSON(request, body);
		const wrong = request.verify(message);
		const back = toProto3JSON(request.decode(request.encode(message).finish()));

		return [...(wrong ? [`${where}: ${wrong}`] : []),
			...differences(plain(request, body), plain(request, back), where)];
	}
	catch (error)
	{
		return [`${where}: ${error.message}`];
	}
}

/* ---- what was received ---- */

const [expectedFile, bodiesFile] = process.argv.slice(2);
const expected = read(expectedFile)[0];
const rows = read(bodiesFile).map((row) => ({ place: row.path.split('/')[1], body: JSON.parse(row.body) }));

for (const [place, ids] of Object.entries(expected))
{
	const bodies = rows.filter((row) => row.place === place).map((row) => row.body);
	const events = bodies.flatMap((body) => body.events);
	const came = events.map((event) => event.transactionId).sort();

	result(`google, ${place}: ${ids.length} events came, each once`, differences([...ids].sort(), came, place));
	result(`google, ${place}: ${bodies.length} requests are messages of the protos`,
		bodies.flatMap((body, i) => walk(request, body, `${place} ${i}`)));
	result(`google, ${place}: they come back from them unchanged`,
		bodies.flatMap((body, i) => thereAndBack(body, `${place} ${i}`)));
	result(`google, ${place}: identifiers are in hexadecimal, as is said`,
		bodies.filter((body) => body.encoding !== 'HEX').map((body) => `encoding ${body.encoding}`));
}

/* ---- what was met, else nothing was tested ---- */

const wanted = ['UserIdentifier.emailAddress', 'UserIdentifier.phoneNumber', 'UserIdentifier.address',
	'AdIdentifiers.gclid', 'AdIdentifiers.gbraid', 'AdIdentifiers.wbraid', 'AdIdentifiers.mobileDeviceId',
	'AdIdentifiers.landingPageDeviceInfo', 'DeviceInfo.ipAddress', 'DeviceInfo.userAgent',
	'Event.conversionValue', 'Event.currency', 'Event.eventName', 'Event.clientId', 'Event.appInstanceId',
	'Event.userId', 'Event.additionalEventParameters', 'Event.destinationReferences', 'CartData.couponCodes',
	'Item.merchantProductId', 'Item.itemId', 'Item.quantity', 'Item.unitPrice', 'Item.additionalItemParameters',
	'UserProperties.additionalUserProperties', 'NEW', 'RETURNING', 'HIGH', 'CONSENT_GRANTED',
	'CONSENT_DENIED', 'WEB', 'APP', 'IN_STORE', 'PHONE', 'MESSAGE', 'OTHER',
	...newer.map(([type, name]) => `${type}.${name}`), ...newerWords.map(([, word]) => word)];

result('google: all fields and words that events can have were met', wanted.filter((name) => !met.has(name)));

/* ---- whether a fault is found ---- */

const whole = copy(rows.map((row) => row.body)
	.find((body) => body.events.some((event) => event.cartData?.items && event.userData)));
const at = whole?.events.findIndex((event) => event.cartData?.items && event.userData);
const mutations = {
	'an unknown key': (event) => { event.conversionValues = 1; },
	'an unknown key of an identifier': (event) => { event.userData.userIdentifiers[0].email = 'x'; },
	'a name in snake_case': (event) => { event.event_name = 'purchase'; },
	'two members of a one-of': (event) => {
		event.userData.userIdentifiers[0].emailAddress = '0'.repeat(64);
		event.userData.userIdentifiers[0].phoneNumber = '0'.repeat(64);
	},
	'no member of a one-of': (event) => { event.userData.userIdentifiers.push({}); },
	'a word that is none': (event) => { event.eventSource = 'WEBSITE'; },
	'a number as a text': (event) => { event.conversionValue = '1.5'; },
	'half an item': (event) => { event.cartData.items[0].quantity = 1.5; },
	'a time that is none': (event) => { event.eventTimestamp = '2026-11-20 10:00:00'; },
	'a digest that is too short': (event) => {
		event.userData.userIdentifiers[0] = { emailAddress: '0'.repeat(63) };
	},
	'a field that is missing': (event) => { delete event.eventTimestamp; }
};

/* What protobufjs and the serializer find by themselves. */
const foundBack = ['an unknown key', 'an unknown key of an identifier', 'a name in snake_case',
	'a word that is none', 'two members of a one-of'];

for (const [what, change] of Object.entries(mutations))
{
	const body = copy(whole);

	change(body.events[at]);
	result(`google: ${what} would be found`, [
		...(walk(request, body, 'it').length === 0 ? ['it is not, by the walk'] : []),
		...(foundBack.includes(what) && thereAndBack(body, 'it').length === 0 ?
			['it is not, there and back'] : [])]);
}
done();
