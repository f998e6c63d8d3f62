/*
 * second_microsoft.js - Microsoft's Conversions API by the second implementation; see
 * second.js.  "guide" is Microsoft's, "UET Conversions API integration", as two senders quote
 * it that were checked against it.
 */
'use strict';

const { agent, clicks, digest, e164, ip, none, noneIfEmpty, plain, upper } = require('./person.js');

const names = { viewed_cart: 'view_cart', viewed_item: 'view_item' };

function consentOf({ user_data: user })
{
	const { consent } = user.ext;

	if (user.mmt_only || (consent && !(consent.ad_user_data && consent.ad_personalization)))
		return 'D';
	return consent && 'G';
}

/* Neither dots nor +suffix before the @, at every domain. */
function bare(address)
{
	const [local, domain] = plain(address).split('@');

	return `${local.split('+')[0].replace(/\./g, '')}@${domain}`;
}

const nameOf = (event) => names[event.event_type] ?? event.custom_event ?? event.event_type;

function payload(event)
{
	const { user_data: user, properties } = event;
	const view = event.event_type === 'page_view';
	const { items } = properties;
	const customData = { value: event.value, currency: event.value === undefined ? undefined : event.currency_code,
		transactionId: properties.transaction_id, searchTerm: properties.search_term,
		itemIds: items?.map((item) => item.id) };

	return {
		data: { eventType: view ? 'pageLoad' : 'custom', eventName: view ? undefined : nameOf(event), eventId: event.id,
			eventTime: new Date(event.timestamp * 1000).toISOString(), eventSourceUrl: properties.page_url,
			referrerUrl: properties.referrer, adStorageConsent: consentOf(event) },
		userData: { em: user.email_address[0], ph: user.phone_numbers?.[0], externalId: user.customer_identifier,
			msclkid: clicks(user).msclkid, gaid: user.ifa, clientIpAddress: ip(user), clientUserAgent: agent(user) },
		customData: Object.values(customData).some((value) => value !== undefined) ? customData : undefined,
		items: items?.map(({ id, name, price, quantity }) => ({ id, name, price, quantity }))
	};
}

module.exports = {
	name: 'microsoft',
	destination: 'ms-bing-capi',
	call: (event) => ({ action: 'sendEvent', data: { payload: payload(event), settings: { UetTag: '12345678' } } }),
	/* theirs says in each event what the guide has beside them */
	events: ({ data, ...around }) => data.map((event) => ({ ...around, ...event })),
	key: (event) => event.id,
	keyOf: (sent) => sent.eventId,

	unsent: [
		{ when: (event) => event.event_type === 'refund', why: 'a goal would count the value of a refund' }
	],

	intended: [
		{ at: 'userData.em', ours: ({ user_data: user }) => digest(user.email_address[0], bare),
			why: 'theirs trims and lowers alone; guide: no dots and no +alias before the @' },
		{ at: 'userData.ph', ours: ({ user_data: user }) => digest(user.phone_numbers?.[0], e164),
			why: 'theirs hashes without +, and has null for none; guide: E.164' },
		{ at: 'userData.externalId', ours: ({ user_data: user }) => digest(user.customer_identifier, plain),
			why: 'theirs sends it clear; a person\'s id leaves hashed' },
		{ at: 'dataProvider', ours: none, why: 'the name of the sender, which we have none of' },
		{ at: 'customData.items', ours: noneIfEmpty, why: 'theirs has an empty array for no items' },
		{ at: 'customData.currency', ours: (event, theirs) => upper(theirs),
			why: 'theirs passes letter case on; guide: ISO 4217' }
	],

	keys: ['eventType', 'eventName', 'eventTime', 'eventId', 'eventSourceUrl', 'referrerUrl', 'adStorageConsent',
		'userData', 'em', 'ph', 'externalId', 'msclkid', 'gaid', 'clientIpAddress', 'clientUserAgent', 'customData',
		'value', 'currency', 'transactionId', 'searchTerm', 'items', 'id', 'name', 'price', 'quantity', 'itemIds',
		'continueOnValidationError'],
	victim: (sent) => sent.userData.ph && sent.customData?.items && sent.adStorageConsent,
	mutations: {
		'the digest of an email address with +suffix': (sent) => { sent.userData.em = digest('a+b@example.com', plain); },
		'the digest of a number without +': (sent) => { sent.userData.ph = digest('12125550000', plain); },
		'a clear id': (sent) => { sent.userData.externalId = 'Cust-1'; },
		'a consent that was not given': (sent) => { sent.adStorageConsent = sent.adStorageConsent === 'G' ? 'D' : 'G'; },
		'an item\'s quantity as a text': (sent) => { sent.customData.items[0].quantity += ''; },
		'that one event at fault would refuse all': (sent) => { sent.continueOnValidationError = false; }
	}
};
