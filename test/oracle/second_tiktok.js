/*
 * second_tiktok.js - TikTok's Events API by the second implementation; see second.js.
 *
 * "template" is TikTok's own for tag managers (gtm-template-eapi), "portal" what public
 * senders quote of the portal's pages on parameters.
 */
'use strict';

const { agent, clicks, digest, digests, externalIds, ip, none, noneIfEmpty, ofAddress, pieces, plain, source, upper } =
	require('./person.js');

const sources = { website: 'web', app: 'app', system_generated: 'crm' };
const sourceIds = { web: 'C4A1B2C3D4E5F6G7H8I9', app: '7001', offline: '7002', crm: '7003' };
const names = { purchase: 'Purchase', page_view: 'Pageview', viewed_item: 'ViewContent', search: 'Search',
	add_to_cart: 'AddToCart', add_to_wishlist: 'AddToWishlist', begin_checkout: 'InitiateCheckout',
	add_payment_info: 'AddPaymentInfo', generate_lead: 'Lead', sign_up: 'CompleteRegistration',
	start_trial: 'StartTrial', subscribe: 'Subscribe', contact: 'Contact', customize_product: 'CustomizeProduct',
	find_location: 'FindLocation', schedule: 'Schedule' };

const sourceOf = (event) => sources[source(event)] ?? 'offline';
const nameOf = (event) => names[event.event_type] ?? event.custom_event ?? event.event_type;

function payload(event)
{
	const { user_data: user, properties } = event;
	const { items } = properties;

	return {
		event: nameOf(event), event_id: event.id, event_source: sourceOf(event),
		timestamp: new Date(event.timestamp * 1000).toISOString(),
		url: properties.page_url, referrer: properties.referrer, limited_data_use: user.mmt_only,
		email: user.email_address, phone_number: user.phone_numbers, external_id: externalIds(user),
		first_name: ofAddress(user, 'first_name'), last_name: ofAddress(user, 'last_name'),
		address: { city: ofAddress(user, 'city'), state: ofAddress(user, 'state'),
			country: ofAddress(user, 'country_code'), zip_code: ofAddress(user, 'postal_code') },
		ttclid: clicks(user).ttclid, ttp: clicks(user).ttp, ip: ip(user), user_agent: agent(user),
		lead_fields: event.ext?.lead,
		currency: event.value === undefined ? undefined : event.currency_code, value: event.value,
		order_id: properties.transaction_id, query: properties.search_term,
		content_type: items && 'product', num_items: pieces(items),
		contents: items?.map((item) => ({ content_id: item.id, content_name: item.name,
			content_category: item.category, brand: item.brand, price: item.price, quantity: item.quantity }))
	};
}

module.exports = {
	name: 'tiktok',
	destination: 'tiktok-conversions',
	call: (event) => ({ action: 'reportWebEvent',
		data: { payload: payload(event), settings: { pixelCode: sourceIds[sourceOf(event)] } } }),
	events: ({ data, ...around }) => data.map((event) => ({ ...around, ...event })),
	key: (event) => event.id,
	keyOf: (sent) => sent.event_id,

	unsent: [
		{ when: (event) => event.event_type === 'refund', why: 'TikTok would count the value of a refund' },
		{ when: (event) => sourceOf(event) === 'offline' && !names[event.event_type], reason: 'not a standard event',
			why: 'portal: offline events have the names of standard ones' },
		{ when: (event) => event.user_data.mmt_only && (!['web', 'app'].includes(sourceOf(event)) || !ip(event.user_data)),
			why: 'portal: limited_data_use is of web and app events alone, and needs ip; what must have it is held back' }
	],

	intended: [
		{ at: 'user.email', ours: ({ user_data: user }) => digests(user.email_address, plain),
			why: 'theirs hashes blanks at the ends, and twice what is there twice; template: trim, lower case' },
		{ at: ['phone', 'first_name', 'last_name', 'city', 'state', 'country', 'zip_code'].map((name) => `user.${name}`),
			ours: noneIfEmpty,
			why: 'theirs writes empty texts and arrays for what is not known, which TikTok would have to ignore' },
		{ at: 'properties.contents', ours: noneIfEmpty, why: 'as above, of an event without items' },
		{ at: 'properties', ours: noneIfEmpty, why: 'as above, of an event of which nothing else is known' },
		{ at: 'partner_name', ours: none, why: 'the name of the sender, which we have none of' },
		{ at: 'limited_data_use', ours: (event, theirs) => theirs || undefined, why: 'theirs says false, too; portal: false is the default' },
		{ at: 'properties.currency', ours: (event, theirs) => upper(theirs),
			why: 'theirs passes letter case on; portal: ISO 4217' },
		{ at: 'app', ours: (event) => (sourceOf(event) === 'app' ? { app_id: 'com.example.app' } : undefined),
			why: 'theirs knows no apps; portal: app.app_id, required of the source app' },
		{ at: 'user.idfa', ours: ({ user_data: user }) => digest(user.ifa, plain),
			why: 'theirs knows no apps; portal: idfa' }
	],

	keys: ['event', 'event_time', 'event_id', 'event_source', 'event_source_id', 'user', 'email', 'phone', 'external_id',
		'first_name', 'last_name', 'city', 'state', 'country', 'zip_code', 'ttclid', 'ttp', 'ip', 'user_agent', 'idfa',
		'limited_data_use', 'page', 'url', 'referrer', 'app', 'lead', 'lead_id', 'lead_event_source', 'properties',
		'value', 'currency', 'order_id', 'query', 'contents', 'content_id', 'content_name', 'content_category', 'brand',
		'price', 'quantity', 'content_type', 'num_items'],
	victim: (sent) => sent.user.phone && sent.properties?.contents,
	mutations: {
		'the digest of an email address with blanks': (sent) => { sent.user.email = digests(' a@example.com', (it) => it); },
		'the digest of a number without +': (sent) => { sent.user.phone = digests('12125550000', (it) => it); },
		'an id in capitals': (sent) => { sent.user.external_id = digests('Cust-1', (it) => it); },
		'a time in milliseconds': (sent) => { sent.event_time *= 1000; },
		'a price that is a text': (sent) => { sent.properties.contents[0].price += ''; },
		'an item that is missing': (sent) => { sent.properties.contents.pop(); },
		'an unknown key': (sent) => { sent.user.em = sent.user.email; },
		'another source': (sent) => { sent.event_source_id = '1'; }
	}
};
