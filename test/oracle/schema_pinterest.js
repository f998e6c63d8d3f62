/*
 * schema_pinterest.js - a request to Pinterest's Conversions API; see schema.js.
 *
 * Names, types, what is required and that objects are closed: pinterest/api-description,
 * v5/openapi.json (5.23.0), schema ConversionEvents.  Beyond it, and from the texts of the
 * same operation: identifiers are digests, amounts are digits, sources and events are of
 * lists.  That file itself is compared with where it is, under the name below.
 */
'use strict';

const { amount, closed, currency, digest, listOf, text, whole } = require('./shapes.js');

const hashed = Object.fromEntries(['em', 'ph', 'ge', 'db', 'ln', 'fn', 'ct', 'st', 'zp', 'country', 'external_id',
	'hashed_maids'].map((name) => [name, listOf(digest, { uniqueItems: true })]));

const userData = closed({ ...hashed, client_ip_address: text, client_user_agent: text, click_id: text, partner_id: text }, [],
	{ anyOf: [{ required: ['em'] }, { required: ['hashed_maids'] }, { required: ['client_ip_address', 'client_user_agent'] }] });

const content = closed({ id: text, item_name: text, item_category: text, item_brand: text, item_price: amount,
	quantity: whole });

const customData = closed({ value: amount, currency, predicted_ltv: amount, order_id: text, search_string: text,
	opt_out_type: { enum: ['LDP'] }, content_ids: listOf(text), content_name: text, content_category: text,
	content_brand: text, contents: listOf(content), num_items: whole, np: text }, [], { dependencies: { value: ['currency'] } });

const event = closed({
	/* those of the description, of the page "Track conversions", and generate.js's own */
	event_name: { enum: ['add_payment_info', 'add_to_cart', 'add_to_wishlist', 'app_install', 'checkout', 'custom',
		'initiate_checkout', 'lead', 'page_visit', 'search', 'signup', 'subscribe', 'view_category', 'view_content',
		'watch_video', 'app_open', 'contact', 'customize_product', 'find_location', 'schedule', 'start_trial',
		'submit_application', 'quiz_done', 'tour_booked'] },
	action_source: { enum: ['app_android', 'app_ios', 'web', 'offline'] },
	event_time: { type: 'integer', minimum: 1e9, maximum: 9999999999 },
	event_id: text, event_source_url: { type: 'string', format: 'uri' }, opt_out: { type: 'boolean' }, partner_name: text,
	user_data: userData, custom_data: customData, app_id: text, app_name: text, app_version: text, device_brand: text,
	device_carrier: text, device_model: text, device_type: text, os_version: text, wifi: { type: 'boolean' },
	language: text
}, ['event_name', 'action_source', 'event_time', 'user_data', 'event_id']);

/* What the description refuses, too. */
const structural = {
	'an unknown key of a request': (body) => { body.test = true; },
	'an unknown key of an event': (body) => { body.data[0].referrer = 'x'; },
	'an unknown key of custom_data': (body) => { withItems(body).custom_data.items = []; },
	'an unknown key of an item': (body) => { withItems(body).custom_data.contents[0].price = '1'; },
	'an event without an id': (body) => { delete body.data[0].event_id; },
	'an event without a source': (body) => { delete body.data[0].action_source; },
	'a person without what is required': (body) => { body.data[0].user_data = { ph: body.data[0].user_data.em }; },
	'a browser without an address': (body) => { body.data[0].user_data = { client_user_agent: 'Mozilla/5.0' }; },
	'a value that is a number': (body) => { withItems(body).custom_data.value = 1.5; },
	'a price that is a number': (body) => { withItems(body).custom_data.contents[0].item_price = 1.5; },
	'a quantity with a fraction': (body) => { withItems(body).custom_data.contents[0].quantity = 1.5; },
	'a text for an array': (body) => { [body.data[0].user_data.em] = body.data[0].user_data.em; },
	'no event': (body) => { body.data = []; },
	'1,001 events': (body) => { body.data = Array(1001).fill(body.data[0]); }
};

const withItems = (body) => body.data.find((one) => one.custom_data?.contents);

module.exports = {
	name: 'pinterest',
	schema: closed({ data: listOf(event, { maxItems: 1000 }) }, ['data']),
	official: { file: 'pinterest-openapi.json', name: 'ConversionEvents', mutations: structural },
	victim: withItems,
	mutations: {
		...structural,
		'an identifier in clear': (body) => { body.data[0].user_data.em = ['ann@example.com']; },
		'an amount in words': (body) => { withItems(body).custom_data.value = '1.5 EUR'; },
		'a currency in small letters': (body) => { withItems(body).custom_data.currency = 'eur'; },
		'another event': (body) => { body.data[0].event_name = 'Checkout'; },
		'another source': (body) => { body.data[0].action_source = 'website'; },
		'a time in milliseconds': (body) => { body.data[0].event_time *= 1000; }
	}
};
