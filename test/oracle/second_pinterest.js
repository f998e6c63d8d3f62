/*
 * second_pinterest.js - Pinterest's Conversions API by the second implementation; see
 * second.js.  "description" is pinterest/api-description, v5, operation events/create.
 */
'use strict';

const { list } = require('./lines.js');
const { agent, clicks, digest, digests, externalIds, ip, none, noneIfEmpty, pieces, plain, source, upper } =
	require('./person.js');

const sources = { website: 'web', app: 'app_ios' };
const names = { purchase: 'checkout', page_view: 'page_visit', add_to_wishlist: 'add_to_wishlist',
	add_to_cart: 'add_to_cart', viewed_item: 'view_content', begin_checkout: 'initiate_checkout',
	add_payment_info: 'add_payment_info', generate_lead: 'lead', sign_up: 'signup', search: 'search',
	install: 'app_install', subscribe: 'subscribe', view_item_list: 'view_category', contact: 'contact',
	customize_product: 'customize_product', find_location: 'find_location', schedule: 'schedule', start_trial: 'start_trial' };

const nameOf = (event) => names[event.event_type] ?? event.custom_event;

/* A member of all addresses; none, where no address has it. */
function all(user, member)
{
	const values = list(user.address).map((address) => address[member]).filter((value) => value !== undefined);

	return values.length > 0 ? values : undefined;
}

function payload(event)
{
	const { user_data: user, properties } = event;
	const { items } = properties;

	return {
		event_name: nameOf(event), event_id: event.id, action_source: sources[source(event)] ?? 'offline',
		event_time: new Date(event.timestamp * 1000).toISOString(), event_source_url: properties.page_url,
		opt_out: user.mmt_only,
		user_data: { email: user.email_address, phone: user.phone_numbers, gender: user.gender && [user.gender],
			first_name: all(user, 'first_name'), last_name: all(user, 'last_name'), city: all(user, 'city'),
			state: all(user, 'state'), zip: all(user, 'postal_code'), country: all(user, 'country_code'),
			external_id: externalIds(user), client_ip_address: ip(user), client_user_agent: agent(user),
			hashed_maids: user.ifa && [user.ifa], click_id: clicks(user).epik },
		custom_data: { value: event.value, currency: event.value === undefined ? undefined : event.currency_code,
			order_id: properties.transaction_id, search_string: properties.search_term, num_items: pieces(items),
			content_ids: items?.map((item) => item.id),
			contents: items?.map((item) => ({ id: item.id, item_name: item.name, item_category: item.category,
				item_brand: item.brand, item_price: item.price, quantity: item.quantity })) }
	};
}

const once = (event, theirs) => theirs && [...new Set(theirs)];

module.exports = {
	name: 'pinterest',
	destination: 'pinterest-conversions',
	call: (event) => ({ action: 'reportConversionEvent',
		data: { payload: payload(event), settings: { ad_account_id: '549755885175' } } }),
	events: ({ data, ...around }) => data.map((event) => ({ ...around, ...event })),
	key: (event) => event.id,
	keyOf: (sent) => sent.event_id,

	unsent: [
		{ when: (event) => !nameOf(event),
			why: 'names of one\'s own are fifteen at most, so they leave only where event_types asks for them' }
	],

	intended: [
		{ at: 'partner_name', ours: none, why: 'the name of the sender, which an advertiser has none of' },
		{ at: ['em', 'fn', 'ln', 'ct', 'st', 'zp', 'country'].map((name) => `user_data.${name}`), ours: once,
			why: 'theirs sends twice what is there twice' },
		{ at: 'custom_data', ours: noneIfEmpty, why: 'theirs has an empty object, of an event of which nothing else is known' },
		{ at: 'custom_data.currency', ours: (event, theirs) => upper(theirs),
			why: 'theirs passes letter case on; description: ISO 4217' }
	],

	keys: ['event_name', 'action_source', 'event_time', 'event_id', 'event_source_url', 'opt_out', 'user_data', 'em', 'ph',
		'ge', 'fn', 'ln', 'ct', 'st', 'zp', 'country', 'external_id', 'hashed_maids', 'client_ip_address',
		'client_user_agent', 'click_id', 'custom_data', 'value', 'currency', 'order_id', 'content_ids', 'contents', 'id',
		'item_name', 'item_category', 'item_brand', 'item_price', 'quantity', 'num_items', 'search_string'],
	victim: (sent) => sent.user_data.ph && sent.custom_data?.contents,
	mutations: {
		'the digest of a number with +': (sent) => { sent.user_data.ph = digests('+12125550000', plain); },
		'a text for an array': (sent) => { [sent.user_data.em] = sent.user_data.em; },
		'an id of a device in capitals': (sent) => { sent.user_data.hashed_maids = [digest('A', (it) => it)]; },
		'a time in milliseconds': (sent) => { sent.event_time *= 1000; },
		'a number of pieces that is wrong': (sent) => { sent.custom_data.num_items += 1; },
		'an amount that is a number': (sent) => { sent.custom_data.contents[0].item_price = 1; },
		'an unknown key': (sent) => { sent.custom_data.items = []; }
	}
};
