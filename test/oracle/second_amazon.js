/*
 * second_amazon.js - Amazon Ads' Events API by the second implementation; see second.js.
 * "description" is that of the Amazon Ads API v1, tag Events.
 */
'use strict';

const { list } = require('./lines.js');
const { ip, ofAddress, pieces, source, upper } = require('./person.js');

const sources = { website: 'WEBSITE', app: 'ANDROID' };
const conversions = { purchase: 'OFF_AMAZON_PURCHASES', add_to_cart: 'ADD_TO_SHOPPING_CART', begin_checkout: 'CHECKOUT',
	generate_lead: 'LEAD', sign_up: 'SIGN_UP', subscribe: 'SUBSCRIBE', search: 'SEARCH', page_view: 'PAGE_VIEW',
	contact: 'CONTACT', install: 'MOBILE_APP_FIRST_START' };
const typeOf = (event) => conversions[event.event_type] ?? 'OTHER';

/* The countries of a person's addresses, each once. */
const countries = (user) => [...new Set(list(user.address).map((address) => upper(address.country_code)))];

const word = (said) => (said === undefined ? undefined : said ? 'GRANTED' : 'DENIED');

function payload(event)
{
	const { user_data: user, properties } = event;
	const { consent } = user.ext;

	return {
		name: event.custom_event ?? event.event_type, eventType: typeOf(event), clientDedupeId: event.id,
		eventActionSource: sources[source(event)] ?? 'OFFLINE', countryCode: countries(user)[0] ?? 'US',
		timestamp: new Date(event.timestamp * 1000).toISOString(), value: event.value,
		currencyCode: event.value === undefined ? undefined : event.currency_code, unitsSold: pieces(properties.items),
		matchKeys: { email: user.email_address[0], phone: user.phone_numbers?.[0], firstName: ofAddress(user, 'first_name'),
			lastName: ofAddress(user, 'last_name'), address: ofAddress(user, 'street'), city: ofAddress(user, 'city'),
			state: ofAddress(user, 'state'), postalCode: ofAddress(user, 'postal_code'), maid: user.ifa },
		consent: { ipAddress: ip(user), amznUserData: word(consent?.ad_user_data),
			amznAdStorage: word(user.mmt_only ? false : consent?.ad_personalization) }
	};
}

module.exports = {
	name: 'amazon',
	destination: 'amazon-conversions-api',
	call: (event) => ({ action: 'trackConversion', data: { payload: payload(event),
		settings: { region: 'https://advertising-api-eu.amazon.com', advertiserId: 'ENTITY1' } } }),
	events: ({ events, ...around }) => events.map((event) => ({ ...around, ...event })),
	key: (event) => event.id,
	keyOf: (sent) => sent.eventId,

	unsent: [
		{ when: (event) => ['refund', 'ad_impression'].includes(event.event_type),
			why: 'Amazon has no such conversion, and would count the value of a refund' },
		{ when: (event) => countries(event.user_data).length > 1, reason: 'country missing',
			why: 'description: countryCode is required, and of several countries none is certain' },
		{ when: ({ user_data: user }) => user.mmt_only && user.ext.consent?.ad_user_data === undefined,
			why: 'Amazon takes no answer about ads without the other, so it could not be told; theirs does not ask' },
		{ when: (event) => event.user_data.ext.consent === undefined, reason: 'consent missing',
			why: 'theirs takes an address for a consent, where the law does not; description: the region EU wants one' }
	],

	intended: [
		{ at: 'eventTime', ours: (event, theirs) => theirs.replace('.000Z', 'Z'), why: 'the same, without milliseconds' },
		{ at: 'currencyCode', ours: (event, theirs) => upper(theirs), why: 'theirs passes letter case on; description: ISO 4217' }
	],

	keys: ['eventDescription', 'name', 'conversionType', 'eventSource', 'eventIngestionMethod', 'eventId', 'eventTime',
		'countryCode', 'value', 'currencyCode', 'unitsSold', 'matchKeys', 'type', 'values', 'consent', 'geo', 'ipAddress',
		'amazonConsent', 'amznAdStorage', 'amznUserData'],
	victim: (sent) => sent.matchKeys.length > 4 && sent.consent.amazonConsent,
	mutations: {
		'a time as a number': (sent) => { sent.eventTime = 1; },
		'another country': (sent) => { sent.countryCode = 'us'; },
		'a match key that is missing': (sent) => { sent.matchKeys.pop(); },
		'a match key in clear': (sent) => { sent.matchKeys[0].values = ['ann@example.com']; },
		'a consent that was not given': (sent) => { sent.consent.amazonConsent.amznUserData += '?'; },
		'another conversion': (sent) => { sent.eventDescription.conversionType = 'APPLICATION'; },
		'an unknown key': (sent) => { sent.customData = []; }
	}
};
