/*
 * second_ga4.js - Google Analytics 4, Measurement Protocol, by the second implementation; see
 * second.js.  "pages" are Google's: the protocol's "reference", "uid-data" and its limits.
 *
 * An event is told from others by its visitor's id: Analytics knows ids of orders alone.
 */
'use strict';

const { isObject, list } = require('./lines.js');
const { clicks, digest, digests, e164, ip, noneIfEmpty, plain, upper } = require('./person.js');

const names = { viewed_cart: 'view_cart', viewed_item: 'view_item' };

/* The second implementation's actions, and which parameters each takes by name. */
const actions = {
	purchase: ['purchase', ['coupon', 'currency', 'items', 'transaction_id', 'shipping', 'value', 'tax']],
	add_to_cart: ['addToCart', ['currency', 'items', 'value']],
	begin_checkout: ['beginCheckout', ['coupon', 'currency', 'items', 'value']],
	viewed_item: ['viewItem', ['currency', 'items', 'value']],
	search: ['search', ['search_term']],
	login: ['login', ['method']],
	sign_up: ['signUp', ['method']],
	generate_lead: ['generateLead', ['currency', 'value']]
};

/* Parameters by the names of the standard's properties. */
const parameters = { shipping: 'shipping', tax: 'tax', coupon: 'coupon', payment_type: 'payment_type',
	shipping_tier: 'shipping_tier', promotion_id: 'promotion_id', creative_name: 'creative_name', group_id: 'group_id',
	character_level: 'level', login_method: 'method', lead_source: 'lead_source', lead_status: 'lead_status',
	virtual_currency_name: 'virtual_currency_name', search_term: 'search_term', page_url: 'page_location',
	referrer: 'page_referrer', transaction_id: 'transaction_id' };

const item = (it) => ({ item_id: it.id, item_name: it.name, item_brand: it.brand, item_category: it.category,
	item_variant: it.item_variant, discount: it.discount, price: it.price, quantity: it.quantity });

function paramsOf(event)
{
	const { properties } = event;
	const session = clicks(event.user_data).ga_session_id;
	const made = {};

	for (const [name, value] of Object.entries(properties.ext ?? {}))
		[made[name]] = list(value);
	for (const [name, parameter] of Object.entries(parameters))
		if (properties[name] !== undefined)
			[made[parameter]] = list(properties[name]);
	if (event.event_type === 'purchase')
		made.transaction_id ??= event.id;
	if (event.value !== undefined)
		Object.assign(made, { value: event.value, currency: event.currency_code });
	if (properties.items)
		made.items = properties.items.map(item);
	if (session)
		Object.assign(made, { session_id: session, engagement_time_msec: 1 });
	return made;
}

const word = (said) => (said === undefined ? undefined : said ? 'GRANTED' : 'DENIED');

function call(event)
{
	const { user_data: user } = event;
	const [action, taken] = actions[event.event_type] ?? ['customEvent', []];
	const params = paramsOf(event);
	const payload = { client_id: clicks(user).ga_client_id, clientId: clicks(user).ga_client_id,
		name: event.custom_event ?? names[event.event_type] ?? event.event_type, lowercase: false,
		timestamp_micros: new Date(event.timestamp * 1000).toISOString(), user_id: user.customer_identifier,
		user_properties: user.ext.user_properties, ad_user_data_consent: word(user.ext.consent?.ad_user_data),
		ad_personalization_consent: user.mmt_only ? 'DENIED' : word(user.ext.consent?.ad_personalization) };

	for (const name of taken.filter((one) => params[one] !== undefined))
	{
		payload[name] = params[name];
		delete params[name];
	}
	return { action, data: { payload: { ...payload, params }, settings: { apiSecret: 'TheToken', measurementId: 'G-A1B2C3D4E5' } } };
}

/* ---- user-provided data, which the second implementation has not ---- */

/* Of Gmail neither dots nor +suffix. */
function mailbox(address)
{
	const [local, domain] = plain(address).split('@');

	return /^(gmail|googlemail)\.com$/.test(domain) ? `${local.split('+')[0].replace(/\./g, '')}@${domain}` : `${local}@${domain}`;
}

const symbolless = (text) => plain(text.replace(/[.]/g, ''));
function userData({ user_data: user })
{
	const made = { sha256_email_address: digests(user.email_address, mailbox) };

	if (user.phone_numbers)
		made.sha256_phone_number = digests(user.phone_numbers, e164);
	if (user.address)
		made.address = user.address.map((it) => ({ sha256_first_name: digest(it.first_name, plain),
			sha256_last_name: digest(it.last_name, plain), sha256_street: digest(it.street, symbolless),
			city: it.city && plain(it.city), region: it.state && plain(it.state), postal_code: it.postal_code,
			country: upper(it.country_code) }));
	return JSON.parse(JSON.stringify(made));
}

module.exports = {
	name: 'ga4',
	destination: 'google-analytics-4',
	call,
	events: ({ events, ...around }, { measurement_id }) => events.map((event) => ({ measurement_id, ...around, ...event })),
	key: (event) => clicks(event.user_data).ga_client_id,
	keyOf: (sent) => sent.client_id,

	unsent: [
		{ when: (event) => ['ad_impression', 'page_view', 'refund'].includes(event.event_type),
			why: 'the tag counts views, and a refund belongs to an order' },
		{ when: (event) => clicks(event.user_data).ga_client_id === undefined,
			reason: 'needs user_data.ext.click_ids.ga_client_id', why: 'pages: client_id is required; none is invented' }
	],

	intended: [
		{ at: 'user_data', ours: userData, why: 'theirs knows no user-provided data; uid-data' },
		{ at: 'ip_override', ours: ({ user_data: user }) => ip(user), why: 'theirs does not send it; reference: ip_override' },
		{ at: 'params.items', ours: noneIfEmpty, why: 'theirs has an empty array for no items' },
		{ at: 'params.currency', ours: (event, theirs) => upper(theirs),
			why: 'theirs passes letter case on; reference: ISO 4217' }
	],

	keys: ['measurement_id', 'client_id', 'user_id', 'timestamp_micros', 'user_data', 'sha256_email_address',
		'sha256_phone_number', 'address', 'user_properties', 'consent', 'ad_user_data', 'ad_personalization', 'ip_override',
		'name', 'params', 'items', 'item_id', 'item_name', 'item_brand', 'item_category', 'item_variant', 'discount', 'price',
		'quantity', 'value', 'currency', 'session_id', 'engagement_time_msec', 'loyalty_tier',
		...Object.values(parameters)],
	victim: (sent) => sent.params.items && isObject(sent.consent) && sent.user_data.sha256_phone_number,
	mutations: {
		'a time in milliseconds': (sent) => { sent.timestamp_micros /= 1000; },
		'another name': (sent) => { sent.name += '_'; },
		'a price that is a text': (sent) => { sent.params.items[0].price += ''; },
		'a parameter that is an array': (sent) => { sent.params.coupon = ['SAVE']; },
		'an unknown parameter': (sent) => { sent.params.ad_platform = 'own'; },
		'a consent that was not given': (sent) => { sent.consent.ad_user_data = 'UNSPECIFIED'; },
		'the digest of a number without +': (sent) => { sent.user_data.sha256_phone_number = digests('12125550000', plain); }
	}
};
