/*
 * meta.js - bodies for Meta's Conversions API against what Meta's own code builds.
 *
 *	ECAPI_ORACLES=DIR node meta.js EVENTS BODIES
 *
 * EVENTS are those of generate.js, BODIES objects with the member body, the text of an
 * accepted request.  Each event is built by facebook-nodejs-business-sdk ("old") and
 * compared with what was received, field by field.  Identifiers are also given to
 * capi-param-builder-nodejs ("new"), which later SDKs call: where the two disagree, the
 * event is one of cases.js, which says whom to follow, and else an error of generate.js.
 */
'use strict';

const { cases } = require('./cases.js');
const names = require('./meta_names.js');
const { copy, differences, done, list, load, read, result, sha256 } = require('./lines.js');

const sdk = load('facebook-nodejs-business-sdk');
const { ParamBuilder } = load('capi-param-builder-nodejs');

/* Event types that are not sent by default. */
const unsent = ['refund'];

/* Identifiers: Meta's key, the new one's word for it, the SDK's setter, and where they are. */
const ofAddress = (member) => (user) => list(user.address).map((address) => address[member]);
const identifiers = [
	['em', 'email', 'setEmails', (user) => list(user.email_address)],
	['ph', 'phone', 'setPhones', (user) => list(user.phone_numbers)],
	['fn', 'first_name', 'setFirstNames', ofAddress('first_name')],
	['ln', 'last_name', 'setLastNames', ofAddress('last_name')],
	['ct', 'city', 'setCities', ofAddress('city')],
	['st', 'state', 'setStates', ofAddress('state')],
	['zp', 'zip_code', 'setZips', ofAddress('postal_code')],
	['country', 'country', 'setCountries', ofAddress('country_code')],
	['ge', 'gender', 'setGenders', (user) => list(user.gender)],
	['external_id', 'external_id', 'setExternalIds',
		(user) => [user.customer_identifier, ...list(user.uids).map((uid) => uid.id)]]
];

/* Properties that have a place of their own at Meta. */
const placed = ['items', 'transaction_id', 'page_url', 'referrer', 'search_term', 'lead_status', 'ext'];

/* ---- both normalizers ---- */

function old(key, value)
{
	try
	{
		return sdk.ServerSideUtils.normalizeAndHash(value, key);
	}
	catch (error)
	{
		return null;
	}
}

/* Behind its digests stands what made them, which is none of ours to send. */
const builder = new ParamBuilder();
const recent = (word, value) => {
	const digest = builder.getNormalizedAndHashedPII(value, word);

	return digest === null ? null : digest.split('.')[0];
};

let drawn = 0;
const disagreements = [];

/* The digests that an event should have of an identifier. */
function digests(event, [key, word, , values])
{
	const whom = cases[event.id]?.expect[key] ?? (key === 'external_id' ? 'new' : 'both');
	const made = [];

	if (Array.isArray(whom))
		return whom.map(sha256);
	for (const value of values(event.user_data).filter((one) => one !== undefined))
	{
		/* the old one does not hash external_id at all */
		const ways = { old: key === 'external_id' ? undefined : old(key, value), new: recent(word, value) };
		const agreed = ways.old === ways.new;

		drawn++;
		if (whom === 'both' ? !agreed || ways.old === null : whom !== 'none' && agreed)
			disagreements.push(`${event.id}: ${key} of ${JSON.stringify(value)}: ` +
				`${ways.old} and ${ways.new}, follow ${whom}`);
		if (whom !== 'none')
			made.push(ways[whom === 'both' ? 'old' : whom]);
	}
	return made;
}

/* ---- an event, by the SDK ---- */

function userData(event)
{
	const user = event.user_data;
	const clicks = user.ext?.click_ids ?? {};
	const made = new sdk.UserData();

	for (const identifier of identifiers)
	{
		const values = digests(event, identifier);

		if (values.length > 0)
			made[identifier[2]](values);
	}
	made.setClientIpAddress(user.event_ip_address ?? user.landing_ip_address);
	made.setClientUserAgent(user.event_user_agent ?? user.landing_user_agent);
	made.setFbc(clicks.fbc ?? (clicks.fbclid && `fb.1.${event.timestamp}000.${clicks.fbclid}`));
	made.setFbp(clicks.fbp);
	made.setMadid(user.ifa);
	made.setLeadId(user.ext?.lead_id);
	return made;
}

const content = (item) => new sdk.Content().setId(item.id).setQuantity(item.quantity)
	.setItemPrice(item.price).setTitle(item.name).setBrand(item.brand).setCategory(item.category);

function customData(event)
{
	const properties = event.properties ?? {};
	const made = new sdk.CustomData();
	const others = Object.entries(properties).filter(([name]) => !placed.includes(name));

	if (event.value !== undefined)
		made.setValue(event.value).setCurrency(event.currency_code);
	made.setOrderId(properties.transaction_id);
	if (properties.items)
		made.setContents(properties.items.map(content)).setContentIds(properties.items.map((item) => item.id))
			.setContentType('product').setNumItems(properties.items.reduce((sum, item) => sum + item.quantity, 0));
	made.setSearchString(properties.search_term);
	made.setStatus(properties.lead_status);
	made.setCustomProperties({ ...Object.fromEntries(others), ...properties.ext });
	return made;
}

/*
 * What the page "Server Event Parameters" has and the SDK has not: it knows no referrer,
 * writes extinfo as an object, and leaves out a price of 0.
 */
function complete(event, built)
{
	const items = event.properties?.items ?? [];

	if (event.properties?.referrer)
		built.referrer_url = event.properties.referrer;
	if (event.ext?.app_data)
		built.app_data = event.ext.app_data;
	items.forEach((item, i) => {
		if (item.price === 0)
			built.custom_data.contents[i].item_price = 0;
	});
	return built;
}

function expected(event)
{
	const page = event.properties?.page_url;
	const custom = customData(event);
	const made = new sdk.ServerEvent().setEventId(event.id).setEventTime(event.timestamp)
		.setEventName(event.custom_event ?? names[event.event_type] ?? event.event_type)
		.setActionSource(event.source ?? (page ? 'website' : 'other')).setEventSourceUrl(page)
		.setMessagingChannel(event.ext?.messaging_channel).setOptOut(event.user_data.mmt_only)
		.setUserData(userData(event));

	if (Object.keys(custom.normalize()).length > 0)
		made.setCustomData(custom);
	return complete(event, copy(made.normalize()));
}

/* ---- what was received ---- */

const [eventsFile, bodiesFile] = process.argv.slice(2);
const events = read(eventsFile).filter((event) => !unsent.includes(event.event_type));
const generated = events.filter((event) => !cases[event.id]);
const bodies = read(bodiesFile).map((row) => JSON.parse(row.body));
const received = new Map();
const strays = [];

for (const body of bodies)
{
	strays.push(...Object.keys(body).filter((key) => !['data', 'access_token'].includes(key)));
	for (const event of body.data)
	{
		if (received.has(event.event_id))
			strays.push(`${event.event_id} twice`);
		received.set(event.event_id, event);
	}
}

const built = new Map(events.map((event) => [event.id, expected(event)]));
const compare = (id, got) => differences(built.get(id), got, id);

result(`meta: the two normalizers agree on ${drawn} values, but for those of cases.js`, disagreements);
result(`meta: ${bodies.length} requests hold events and a token alone, each event once`, strays);
result(`meta: ${generated.length} generated events are what the SDK builds`,
	generated.flatMap((event) => compare(event.id, received.get(event.id))));
for (const [id, it] of Object.entries(cases))
	result(`meta: ${id}: ${it.why}`, compare(id, received.get(id)));
const keys = (object) => Object.entries(object).flatMap(([key, value]) =>
	[key, ...(value !== null && typeof value === 'object' && !Array.isArray(value) ? keys(value) : [])]);
const met = new Set([...built.values()].flatMap(keys));
const wanted = [...identifiers.map(([key]) => key), 'client_ip_address', 'client_user_agent', 'fbc', 'fbp',
	'madid', 'lead_id', 'value', 'currency', 'order_id', 'contents', 'content_ids', 'content_type', 'num_items',
	'search_string', 'status', 'shipping', 'coupon', 'loyalty_tier', 'event_source_url', 'referrer_url',
	'messaging_channel', 'app_data', 'opt_out'];

result('meta: all keys that events can have were met', wanted.filter((key) => !met.has(key)));
result('meta: no other event came', [...received.keys()].filter((id) => !built.has(id)));

/* ---- whether a difference is found ---- */

const victim = [...received.keys()].find((id) => built.get(id)?.user_data.ph &&
	built.get(id).custom_data?.contents);
const mutations = {
	'a digest with another digit': (got) => {
		got.user_data.em[0] = (got.user_data.em[0][0] === '0' ? '1' : '0') + got.user_data.em[0].slice(1);
	},
	'the digest of a number with +': (got) => { got.user_data.ph[0] = sha256('+12125550000'); },
	'an unknown key': (got) => { got.user_data.email = got.user_data.em; },
	'a key that is missing': (got) => { delete got.user_data.external_id; },
	'a text for a number': (got) => { got.custom_data.contents[0].item_price += ''; },
	'another name': (got) => { got.event_name += '2'; },
	'one element too many': (got) => { got.custom_data.content_ids.push('sku-0'); }
};

for (const [what, change] of Object.entries(mutations))
{
	const got = victim && copy(received.get(victim));

	if (got)
		change(got);
	result(`meta: ${what} would be found`, got && compare(victim, got).length === 1 ? [] : ['it is not']);
}
done();
