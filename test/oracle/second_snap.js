/*
 * second_snap.js - Snap's Conversions API by the second implementation; see second.js.
 * "page" is Snap's "Parameters", "SDK" the description of business-sdk-v3-java 1.2.1.
 */
'use strict';

const { list } = require('./lines.js');
const { agent, clicks, digests, digitsOf, externalIds, extinfo, ip, none, ofAddress, pieces, plain, source } =
	require('./person.js');

const names = { purchase: 'PURCHASE', page_view: 'PAGE_VIEW', ad_impression: 'AD_VIEW', add_to_wishlist: 'ADD_TO_WISHLIST',
	add_to_cart: 'ADD_CART', viewed_item: 'VIEW_CONTENT', begin_checkout: 'START_CHECKOUT',
	add_payment_info: 'ADD_BILLING', sign_up: 'SIGN_UP', search: 'SEARCH', unlock_achievement: 'ACHIEVEMENT_UNLOCKED',
	install: 'APP_INSTALL', schedule: 'RESERVE', start_trial: 'START_TRIAL', subscribe: 'SUBSCRIBE', share: 'SHARE',
	select_promotion: 'AD_CLICK', view_item_list: 'LIST_VIEW', view_promotion: 'AD_VIEW',
	spend_virtual_currency: 'SPENT_CREDITS', login: 'LOGIN', level_up: 'LEVEL_COMPLETE',
	tutorial_complete: 'COMPLETE_TUTORIAL' };
const settings = { pixel_id: 'a1b2c3d4-0000-4000-8000-000000000001', snap_app_id: 'a1b2c3d4-0000-4000-8000-000000000002',
	app_id: 'a1b2c3d4-0000-4000-8000-000000000002' };

function appData(data)
{
	return data && { advertiser_tracking_enabled: data.advertiser_tracking_enabled === 1,
		application_tracking_enabled: data.application_tracking_enabled === 1,
		...extinfo(data) };
}

function payload(event)
{
	const { user_data: user, properties } = event;
	const { items } = properties;

	return {
		event_name: names[event.event_type], event_id: event.id, event_time: String(event.timestamp),
		action_source: source(event), event_source_url: properties.page_url, app_data: appData(event.ext?.app_data),
		user_data: { email: user.email_address[0], phone: user.phone_numbers?.[0], madid: user.ifa, gender: user.gender,
			firstName: ofAddress(user, 'first_name'), lastName: ofAddress(user, 'last_name'), city: ofAddress(user, 'city'),
			state: ofAddress(user, 'state'), zip: ofAddress(user, 'postal_code'), country: ofAddress(user, 'country_code'),
			externalId: externalIds(user), client_ip_address: ip(user), client_user_agent: agent(user),
			sc_click_id: clicks(user).sccid, sc_cookie1: clicks(user).scid },
		custom_data: { value: event.value, currency: event.value === undefined ? undefined : event.currency_code,
			order_id: properties.transaction_id, search_string: properties.search_term, num_items: pieces(items),
			sign_up_method: event.event_type === 'sign_up' ? properties.login_method : undefined },
		products: items?.map((item) => ({ item_id: item.id, item_category: item.category, brand: item.brand }))
	};
}

/* All values of a member of addresses. */
const all = (member, form) => ({ user_data: user }) =>
	digests(list(user.address).map((address) => address[member]), form);

/* Theirs is one digest, ours an array of all of them. */
const several = [['fn', 'first_name'], ['ln', 'last_name'], ['ct', 'city'], ['st', 'state'], ['zp', 'postal_code'],
	['country', 'country_code']].map(([key, member]) => ({ at: `user_data.${key}`,
	ours: all(member, plain), why: 'theirs sends one text; SDK and page: an array, of all values' }));

module.exports = {
	name: 'snap',
	destination: 'snap-conversions-api',
	call: (event) => ({ action: 'reportConversionEvent',
		data: { payload: payload(event), settings, auth: { accessToken: 'TheToken' } } }),
	events: ({ data, ...around }) => data.map((event) => ({ ...around, ...event })),
	key: (event) => event.id,
	keyOf: (sent) => sent.event_id,

	unsent: [
		{ when: (event) => !names[event.event_type], why: 'Snap has no name for it, and refund is none of its events' }
	],

	intended: [
		...several,
		{ at: 'user_data.em', ours: ({ user_data: user }) => digests(user.email_address, plain),
			why: 'theirs knows one address; page: a list' },
		{ at: 'user_data.ph', ours: ({ user_data: user }) => digests(user.phone_numbers, digitsOf),
			why: 'theirs knows one number; page: a list' },
		{ at: 'user_data.ge', ours: ({ user_data: user }) => digests(user.gender, (it) => plain(it)[0]),
			why: 'theirs sends one text; SDK: an array' },
		{ at: 'integration', ours: none, why: 'the name of the sender, which we have none of' },
		{ at: 'action_source', ours: (event, theirs) => ({ website: 'WEB', app: 'MOBILE_APP' }[theirs] ?? theirs),
			why: 'theirs writes website and app; page: WEB, MOBILE_APP, OFFLINE' },
		{ at: 'opt_out', ours: ({ user_data: user }) => user.mmt_only, why: 'theirs knows no opt_out; page: opt_out, of events with mmt_only' },
		{ at: 'custom_data.contents', ours: ({ properties: { items } }) => items?.map((item) => ({ id: item.id,
				quantity: String(item.quantity), item_price: String(item.price), brand: item.brand })),
			why: 'theirs spreads items over lists; page: contents, amounts in texts by SDK' },
		{ at: 'custom_data.brands', ours: none, why: 'brands are in contents; theirs writes empty texts for none' },
		{ at: 'custom_data.content_category', ours: ({ properties: { items } }) =>
				items?.map((item) => item.category).find((category) => category !== undefined),
			why: 'theirs writes a list with empty texts; SDK: a text' }
	],

	keys: ['event_name', 'event_time', 'event_id', 'action_source', 'event_source_url', 'opt_out', 'user_data', 'em', 'ph',
		'fn', 'ln', 'ge', 'ct', 'st', 'zp', 'country', 'external_id', 'client_ip_address', 'client_user_agent',
		'sc_click_id', 'sc_cookie1', 'madid', 'custom_data', 'value', 'currency', 'order_id', 'search_string',
		'sign_up_method', 'content_ids', 'contents', 'id', 'quantity', 'item_price', 'brand', 'content_category',
		'num_items', 'app_data', 'app_id', 'advertiser_tracking_enabled', 'application_tracking_enabled', 'extinfo'],
	victim: (sent) => sent.user_data.ph && sent.custom_data?.contents,
	mutations: {
		'the digest of a number with +': (sent) => { sent.user_data.ph = digests('+12125550000', plain); },
		'the digest of a name in capitals': (sent) => { sent.user_data.fn = digests('Ann', (it) => it); },
		'a time in milliseconds': (sent) => { sent.event_time *= 1000; },
		'a number of pieces that is wrong': (sent) => { sent.custom_data.num_items += 1; },
		'an amount that is a number': (sent) => { sent.custom_data.contents[0].item_price = 1; },
		'an unknown key': (sent) => { sent.custom_data.items = []; },
		'another source': (sent) => { sent.action_source = 'website'; }
	}
};
