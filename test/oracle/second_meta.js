/*
 * second_meta.js - Meta's Conversions API by the second implementation; see second.js, and
 * meta.js for what Meta's own code writes.  "page" is Meta's "Customer Information
 * Parameters" and "Server Event Parameters".
 */
'use strict';

const names = require('./meta_names.js');
const { list } = require('./lines.js');
const { agent, clicks, digests, digitsOf, externalIds, extinfo, ip, noneIfEmpty, ofAddress, pieces, plain, source, upper } =
	require('./person.js');

/* Actions that take some of custom_data by name; all others are of the owner's own. */
const actions = { Purchase: 'purchase2', AddToCart: 'addToCart2', InitiateCheckout: 'initiateCheckout2', Search: 'search2',
	ViewContent: 'viewContent2' };

/* Properties that have a place of their own. */
const placed = ['items', 'transaction_id', 'page_url', 'referrer', 'search_term', 'lead_status', 'ext'];

function customData(event)
{
	const { properties } = event;
	const { items } = properties;
	const others = Object.entries(properties).filter(([name]) => !placed.includes(name));

	return { value: event.value, currency: event.value === undefined ? undefined : upper(event.currency_code),
		order_id: properties.transaction_id, search_string: properties.search_term, status: properties.lead_status,
		content_ids: items?.map((item) => item.id), content_type: items && 'product', num_items: pieces(items),
		contents: items?.map((item) => ({ id: item.id, quantity: item.quantity, item_price: item.price, title: item.name,
			brand: item.brand, category: item.category })),
		...Object.fromEntries(others), ...properties.ext };
}

function userData(event)
{
	const { user_data: user } = event;
	const { fbc, fbclid, fbp } = clicks(user);

	return { email: user.email_address[0], phone: user.phone_numbers?.[0], gender: user.gender,
		lastName: ofAddress(user, 'last_name'), firstName: ofAddress(user, 'first_name'), city: ofAddress(user, 'city'),
		state: ofAddress(user, 'state'), zip: ofAddress(user, 'postal_code'), country: ofAddress(user, 'country_code'),
		externalId: externalIds(user), client_ip_address: ip(user), client_user_agent: agent(user), fbp,
		fbc: fbc ?? (fbclid && `fb.1.${event.timestamp}000.${fbclid}`), leadID: user.ext.lead_id, madId: user.ifa };
}

function call(event)
{
	const name = names[event.event_type] ?? event.custom_event ?? event.event_type;
	const { app_data: app } = event.ext ?? {};
	const custom = customData(event);
	const payload = { event_name: name, event_id: event.id, event_time: String(event.timestamp), action_source: source(event),
		event_source_url: event.properties.page_url, user_data: userData(event), custom_data: custom,
		app_data_field: app && { use_app_data: true, advertiser_tracking_enabled: app.advertiser_tracking_enabled === 1,
			application_tracking_enabled: app.application_tracking_enabled === 1, ...extinfo(app) } };

	/* an action without a currency would refuse the event */
	const action = event.value === undefined ? 'custom2' : actions[name] ?? 'custom2';

	if (action !== 'custom2')
		for (const member of ['value', 'currency', 'content_ids', 'content_type', 'contents', 'num_items', 'search_string'])
			payload[member] = custom[member];
	return { action, data: { payload, settings: { pixelId: '1234567890' }, syncMode: 'add' } };
}

/* All values of a member of addresses. */
const several = [['fn', 'first_name'], ['ln', 'last_name'], ['ct', 'city'], ['st', 'state'], ['zp', 'postal_code'],
	['country', 'country_code']].map(([key, member]) => ({ at: `user_data.${key}`,
	ours: ({ user_data: user }) => digests(list(user.address).map((address) => address[member]), plain),
	why: 'theirs sends one text; page: a list' }));

module.exports = {
	name: 'meta',
	destination: 'facebook-conversions-api',
	call,
	events: ({ data }) => data,
	key: (event) => event.id,
	keyOf: (sent) => sent.event_id,

	unsent: [
		{ when: (event) => event.event_type === 'refund', why: 'Meta would count the value of a refund' }
	],

	intended: [
		...several,
		{ at: 'user_data.em', ours: ({ user_data: user }) => digests(user.email_address, plain),
			why: 'theirs knows one address; page: a list' },
		{ at: 'user_data.ph', ours: ({ user_data: user }) => digests(user.phone_numbers, digitsOf),
			why: 'theirs knows one number; page: a list' },
		{ at: 'user_data.ge', ours: ({ user_data: user }) => digests(user.gender, (it) => plain(it)[0]),
			why: 'theirs sends one text; page: a list' },
		{ at: 'event_time', ours: (event, theirs) => Number(theirs), why: 'theirs passes a text on; page: a number' },
		{ at: 'opt_out', ours: ({ user_data: user }) => user.mmt_only,
			why: 'theirs knows no opt_out; page: opt_out, of events with mmt_only' },
		{ at: 'referrer_url', ours: ({ properties }) => properties.referrer, why: 'theirs knows none; page: referrer_url' },
		{ at: 'messaging_channel', ours: (event) => event.ext?.messaging_channel,
			why: 'theirs knows none; page: messaging_channel, of business messaging' },
		{ at: 'custom_data', ours: noneIfEmpty, why: 'theirs has an empty object, of an event of which nothing else is known' }
	],

	keys: ['em', 'ph', 'fn', 'ln', 'ct', 'st', 'zp', 'country', 'ge', 'external_id', 'client_ip_address',
		'client_user_agent', 'fbc', 'fbp', 'madid', 'lead_id', 'value', 'currency', 'order_id', 'contents', 'content_ids',
		'content_type', 'num_items', 'search_string', 'status', 'shipping', 'coupon', 'loyalty_tier', 'event_source_url',
		'referrer_url', 'messaging_channel', 'app_data', 'extinfo', 'opt_out'],
	victim: (sent) => sent.user_data.ph && sent.custom_data?.contents,
	mutations: {
		'the digest of a number with +': (sent) => { sent.user_data.ph = digests('+12125550000', plain); },
		'a time in milliseconds': (sent) => { sent.event_time *= 1000; },
		'an unknown key': (sent) => { sent.user_data.email = sent.user_data.em; },
		'a price that is a text': (sent) => { sent.custom_data.contents[0].item_price += ''; },
		'an id that is missing': (sent) => { sent.custom_data.content_ids.pop(); },
		'another name': (sent) => { sent.event_name += '2'; }
	}
};
