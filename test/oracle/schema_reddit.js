/*
 * schema_reddit.js - a request to Reddit's Conversions API, version 3; see schema.js.
 *
 * The second implementation knows version 2 alone.  Names, types and what is required:
 * reddit/reddit-ss-gtm-template, template.tpl, and rudder-transformer, reddit/types.ts, which
 * cites Post Conversion Events of version 3 (where the two differ, of an amount, the first,
 * which is Reddit's).  The forms of identifiers: Reddit's Manual Advanced Matching.
 */
'use strict';

const { closed, currency, digest, listOf, text, whole } = require('./shapes.js');

const names = ['PAGE_VISIT', 'VIEW_CONTENT', 'SEARCH', 'ADD_TO_CART', 'ADD_TO_WISHLIST', 'PURCHASE', 'LEAD', 'SIGN_UP'];

const user = closed({
	email: digest, phone_number: digest, external_id: digest, idfa: digest, aaid: digest, ip_address: text, user_agent: text,
	uuid: { type: 'string', pattern: '^[0-9A-Za-z_-]+$' },
	data_processing_options: closed({ country: text, region: text, modes: listOf({ enum: ['LDU'] }) }, ['modes']),
	screen_dimensions: closed({ width: whole, height: whole })
}, [], { minProperties: 1 });

const product = closed({ id: text, name: text, category: text, quantity: whole, item_price: { type: 'number', minimum: 0 } }, ['id']);

const metadata = closed({ conversion_id: text, currency, value: { type: 'number' }, item_count: whole, products: listOf(product) },
	['conversion_id'], { dependencies: { value: ['currency'] } });

const event = closed({
	/* milliseconds */
	event_at: { type: 'integer', minimum: 1e12, maximum: 9999999999999 },
	action_source: { enum: ['WEBSITE', 'APP', 'PHYSICAL_STORE', 'OTHER'] },
	type: { oneOf: [closed({ tracking_type: { const: 'CUSTOM' }, custom_event_name: text }, ['tracking_type', 'custom_event_name']),
		closed({ tracking_type: { enum: names } }, ['tracking_type'])] },
	event_source_url: { type: 'string', format: 'uri' }, click_id: text, user, metadata
}, ['event_at', 'action_source', 'type', 'user']);

const named = (body) => body.data.events.find((one) => one.user.email && one.metadata.products);

module.exports = {
	name: 'reddit',
	schema: closed({ data: closed({ events: listOf(event, { maxItems: 1000 }), test_id: text, partner: text,
		partner_version: text }, ['events']) }, ['data']),
	victim: (body) => named(body) !== undefined,
	mutations: {
		'an unknown key of a request': (body) => { body.test_mode = true; },
		'an unknown key of an event': (body) => { body.data.events[0].event_metadata = {}; },
		'an unknown key of a product': (body) => { named(body).metadata.products[0].brand = 'x'; },
		'a time as a text': (body) => { body.data.events[0].event_at = '2026-01-01T00:00:00Z'; },
		'a time in seconds': (body) => { body.data.events[0].event_at /= 1000; },
		'the name of an event of version 2': (body) => { body.data.events[0].type = { tracking_type: 'Purchase' }; },
		'a name of one\'s own without it': (body) => { body.data.events[0].type = { tracking_type: 'CUSTOM' }; },
		'a standard event with a name of one\'s own': (body) => {
			body.data.events[0].type = { tracking_type: 'LEAD', custom_event_name: 'x' };
		},
		'another source': (body) => { body.data.events[0].action_source = 'website'; },
		'identifiers in an array': (body) => { named(body).user.email = [named(body).user.email]; },
		'an identifier in clear': (body) => { named(body).user.email = 'ann@example.com'; },
		'a uuid with its time': (body) => { named(body).user.uuid = '1700000000000.abc'; },
		'an event without a person': (body) => { named(body).user = {}; },
		'a value that is a text': (body) => { named(body).metadata.value = '1.5'; },
		'a value without a currency': (body) => { named(body).metadata = { conversion_id: 'x', value: 1 }; },
		'a quantity with a fraction': (body) => { named(body).metadata.products[0].quantity = 1.5; },
		'an event without an id': (body) => { delete named(body).metadata.conversion_id; },
		'another mode': (body) => { named(body).user.data_processing_options = { modes: ['LDP'] }; },
		'1,001 events': (body) => { body.data.events = Array(1001).fill(body.data.events[0]); }
	}
};
